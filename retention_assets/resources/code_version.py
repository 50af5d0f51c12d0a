"""Which code is running: the commit of the clone where git knows it, and the package's version."""

import subprocess
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

PACKAGE = "retention-assets"
CLONE = Path(__file__).parents[2]
UNKNOWN = "unknown"
_PATIENCE_S = 10


@dataclass(frozen=True)
class CodeVersion:
    """`commit` is None without git or outside a clone. `modified`: files differ from the commit."""

    package: str = UNKNOWN
    license: str = UNKNOWN
    commit: str | None = None
    modified: bool = False

    def __str__(self) -> str:
        if self.commit is None:
            return f"version {self.package}"
        return f"commit {self.commit}{', with changes that are not committed' * self.modified}"


def code_version(clone: Path = CLONE) -> CodeVersion:
    """The code of this process. Never fails: what cannot be known is unknown or None."""
    try:
        package = metadata.metadata(PACKAGE).json
    except metadata.PackageNotFoundError:
        package = {}
    version = str(package.get("version", UNKNOWN))
    terms = str(package.get("license_expression", UNKNOWN))
    commit = _commit(clone)
    if commit is None:
        return CodeVersion(version, terms)
    changes = _git(clone, "status", "--porcelain", "--untracked-files=no")
    return CodeVersion(version, terms, commit, bool(changes))


def _commit(clone: Path) -> str | None:
    # A package that is installed below somebody's own repository is not a part of it.
    root = _git(clone, "rev-parse", "--show-toplevel")
    if not root or Path(root).resolve() != clone.resolve():
        return None
    return _git(clone, "rev-parse", "HEAD") or None


def _git(folder: Path, *arguments: str) -> str | None:
    """What the command prints; None if there is no git, no repository, or no answer in time."""
    try:
        result = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() if result.returncode == 0 else None
