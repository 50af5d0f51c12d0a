"""The secrets of a home: API keys of the HTTP application, and the token that guards Ray's control plane.

Files are readable by their owner only. Nothing here is ever logged or put into run config.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.settings import Settings


def secret_file(path: Path) -> str:
    """The secret in the file, made at first use with mode 0600. Two processes that start at once get the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    path.chmod(0o600)
    return path.read_text().strip()


def api_key_file(settings: Settings) -> Path:
    return settings.home / "api_key"


def api_keys(settings: Settings, create: bool = True) -> list[str]:
    """Keys that the HTTP application accepts: those of the settings, else the home's own, made where `create` allows it."""
    if settings.api_keys is not None:
        keys = [key.strip() for key in settings.api_keys.split(",") if key.strip()]
        if not keys:
            raise SetupError(
                "RETENTION_API_KEYS names no key.", "Give it comma-separated keys, or unset it."
            )
        if not all(key.isascii() and key.isprintable() for key in keys):
            raise SetupError(
                "RETENTION_API_KEYS holds a key that an HTTP header cannot bear.",
                "Use ASCII letters and digits.",
            )
        return keys
    file = api_key_file(settings)
    return [secret_file(file)] if create or file.exists() else []


def ray_token_file(settings: Settings) -> Path:
    """The token file that Ray's processes and drivers share, made at first use."""
    file = settings.home / "ray_token"
    secret_file(file)
    return file
