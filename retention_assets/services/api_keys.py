"""The secrets of a home: API keys of the HTTP application, and the token of Ray's control plane.

Only the owner can read the files. Nothing here is ever logged or put into run config.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.settings import Settings


def secret_file(path: Path) -> str:
    """The secret in the file, created at first use with mode 0600; the same for all processes."""
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
    """The API keys: those of the settings, else the home's, created if missing and `create`."""
    if settings.api_keys is not None:
        keys = [key.strip() for key in settings.api_keys.split(",") if key.strip()]
        if not keys:
            raise SetupError(
                "RETENTION_API_KEYS names no key.", "Set it to comma-separated keys, or unset it."
            )
        if not all(key.isascii() and key.isprintable() for key in keys):
            raise SetupError(
                "RETENTION_API_KEYS has a key that is not valid in an HTTP header.",
                "Use ASCII letters and digits.",
            )
        return keys
    file = api_key_file(settings)
    return [secret_file(file)] if create or file.exists() else []


def ray_token_file(settings: Settings) -> Path:
    """The token file that Ray's processes and drivers share, created at first use."""
    file = settings.home / "ray_token"
    secret_file(file)
    return file
