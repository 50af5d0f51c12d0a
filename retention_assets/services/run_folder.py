"""Where a home's sockets lie: `home/run`, reached through a short link in /tmp.

A Unix socket's path ends at 107 bytes, and Ray and HAProxy put up to 75 of their own below the folder that they are
given. Nothing but this link ever lies outside the home.
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
    """Creates `home/run` (for its owner only) and the link to it. Raises SetupError when the link is somebody else's."""
    folder, link = home / "run", run_link(home)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(stat.S_IRWXU)
    if link.is_symlink() and link.lstat().st_uid == os.getuid() and link.readlink() == folder:
        return link
    if link.is_symlink() or link.exists():
        raise SetupError(
            f"{link} stands in the way of this home's sockets.",
            f"Remove {link}, or choose another RETENTION_HOME.",
        )
    link.symlink_to(folder)
    return link


def remove_run_link(home: Path) -> None:
    run_link(home).unlink(missing_ok=True)
