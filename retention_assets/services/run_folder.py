"""The folder of a home's sockets: `home/run`, reached through a short link in /tmp.

A Unix socket's path has at most 107 bytes, and Ray and HAProxy append up to 75 to their folder.
The link is the only thing outside the home.
"""

import hashlib
import os
import stat
from pathlib import Path

from retention_assets.errors import SetupError

SHORT_ROOT = Path("/tmp")


def run_link(home: Path) -> Path:
    """The short name of the home's run folder, the same in every process of this home."""
    return SHORT_ROOT / f"ret-{hashlib.sha256(str(home).encode()).hexdigest()[:10]}"


def make_run_folder(home: Path) -> Path:
    """Creates `home/run` (mode 0700) and its link. Raises SetupError if the link is foreign."""
    folder = home / "run"
    link = run_link(home)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(stat.S_IRWXU)
    if link.is_symlink() and link.lstat().st_uid == os.getuid() and link.readlink() == folder:
        return link
    if link.is_symlink() or link.exists():
        raise SetupError(
            f"{link} exists and does not belong to this home.",
            f"Remove {link}, or choose another RETENTION_HOME.",
        )
    link.symlink_to(folder)
    return link


def remove_run_link(home: Path) -> None:
    run_link(home).unlink(missing_ok=True)
