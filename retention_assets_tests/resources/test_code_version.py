"""The code version with git, without it, and inside a repository of somebody else."""

import subprocess
from pathlib import Path

import pytest

from retention_assets.resources.code_version import CodeVersion, code_version


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "code.py").write_text("a = 1\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_clone_has_commit_and_changes(clone: Path) -> None:
    commit = git(clone, "rev-parse", "HEAD")
    (clone / "untracked.txt").write_text("does not count")
    version = code_version(clone)
    assert (version.commit, version.modified) == (commit, False)
    assert str(version) == f"commit {commit}"
    (clone / "code.py").write_text("a = 2\n")
    version = code_version(clone)
    assert (version.commit, version.modified) == (commit, True)
    assert str(version).endswith("with changes that are not committed")


def test_folder_below_another_repository_has_no_commit(clone: Path) -> None:
    installed = clone / "site-packages"
    installed.mkdir()
    assert code_version(installed).commit is None


def test_package_version_stands_in_for_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    version = code_version()
    assert version == CodeVersion(package="0.1.0", license="Apache-2.0")
    assert str(version) == "version 0.1.0"
