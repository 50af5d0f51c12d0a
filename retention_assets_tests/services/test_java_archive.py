"""The archive of Java's classes is used where it fits, and is never a reason to fail."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from retention_assets.resources.lake import Lake
from retention_assets.services.jars import jars_folder
from retention_assets.services.java import embedded_java_home, spark_java_home
from retention_assets.services.java_archive import archive_file, archive_options


def java_output(java_home: Path, *options: str) -> tuple[int, str, str]:
    """Exit code, stdout and the first word of stderr, which holds the version."""
    command = [java_home / "bin" / "java", *options, "-version"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr.split()[0]


def test_without_archive_there_are_no_options(tmp_path: Path) -> None:
    assert archive_options(tmp_path) == []


@pytest.mark.parametrize("java", ["embedded", "found"])
def test_unfit_archive_is_ignored_silently(java: str, tmp_path: Path) -> None:
    archive_file(tmp_path).write_bytes(b"of another Java")
    home = spark_java_home(tmp_path) if java == "found" else embedded_java_home(tmp_path)
    assert java_output(home, *archive_options(tmp_path)) == (0, "", "openjdk")


def test_spark_loads_its_classes_from_the_archive(lake: Lake) -> None:
    """As `make setup` has written it for this clone."""
    if not archive_file(jars_folder()).exists():
        pytest.skip("no archive: run `retention setup`")
    java: Any = lake.spark.sparkContext._jvm
    maps = Path(f"/proc/{java.ProcessHandle.current().pid()}/maps").read_text()
    assert str(archive_file(jars_folder())) in maps
