"""Delta's jars are fetched once, fit the installed Spark, and are named where missing."""

from importlib.metadata import version
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services import jars
from retention_assets.services.jars import DELTA_PACKAGE, NEEDED, fetch_jars, missing_jars

# Replace Spark's resolver: one writes what it writes, the other fails as it does.
WRITES = """
import pathlib, sys
folder = pathlib.Path(sys.argv[2]) / "jars"
folder.mkdir()
for name in {names}:
    (folder / f"io.delta_{{name}}.jar").write_text(f"{{name}} of {{sys.argv[1]}}")
"""
FAILS = "raise SystemExit('UNRESOLVED DEPENDENCIES')"


def test_fetch_keeps_only_needed_jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "RESOLVE", WRITES.format(names=[*NEEDED, "antlr4-runtime-4.13.1"]))
    fetch_jars(tmp_path / "jars", tmp_path)
    assert {file.name: file.read_text() for file in (tmp_path / "jars").iterdir()} == {
        f"{name}.jar": f"{name} of {DELTA_PACKAGE}" for name in NEEDED
    }
    assert missing_jars(tmp_path / "jars") == []


def test_present_jars_are_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "RESOLVE", WRITES.format(names=list(NEEDED)))
    for name in NEEDED:
        (tmp_path / f"{name}.jar").write_text("present")
    fetch_jars(tmp_path, tmp_path / "no java")
    assert {file.read_text() for file in tmp_path.iterdir()} == {"present"}


@pytest.mark.parametrize(
    ("resolver", "missed"), [(FAILS, NEEDED), (WRITES.format(names=list(NEEDED[:-1])), NEEDED[-1:])]
)
def test_missing_jars_are_named_with_a_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resolver: str, missed: tuple[str, ...]
) -> None:
    monkeypatch.setattr(jars, "RESOLVE", resolver)
    with pytest.raises(SetupError) as failed:
        fetch_jars(tmp_path / "jars", tmp_path)
    assert f"({', '.join(missed)})" in failed.value.problem
    assert ("UNRESOLVED" in failed.value.problem) == (resolver is FAILS)
    assert str(tmp_path / "jars") in failed.value.fix
    assert (
        missing_jars(tmp_path / "jars") == list(missed) and not (tmp_path / "jars" / "ivy").exists()
    )


def test_hanging_resolver_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jars, "RESOLVE", "import time; time.sleep(60)")
    monkeypatch.setattr(jars, "FETCH_S", 0.5)
    with pytest.raises(SetupError, match="no answer within"):
        fetch_jars(tmp_path / "jars", tmp_path)
    assert list((tmp_path / "jars").iterdir()) == []


def test_jars_fit_the_installed_spark() -> None:
    group, artifact, release = DELTA_PACKAGE.split(":")
    assert (group, release) == (
        "io.delta",
        version("delta-spark"),
    ) and f"{artifact}-{release}" in NEEDED
    assert artifact.split("_")[1] == ".".join(version("pyspark").split(".")[:2])
