"""`retention simulate`: the files and the profile that it writes, and what it refuses."""

import json
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import newest_day, source_files
from retention_assets_tests.cli.in_process import Call
from retention_assets_tests.cli.test_app import retention

SMALL = ("simulate", "--customers", "60", "--days", "20", "--seed", "3")


def test_simulate_counts_rows_and_writes_a_profile(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    first = retention(tmp_path, *SMALL, "--out", str(out), "--json")
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    rows = {
        table: sum(pq.read_table(file).num_rows for file in (out / table).glob("*.parquet"))
        for table in report["rows"]
    }
    assert report["rows"] == rows
    assert rows["customers"] > 30
    assert len(rows) == 7
    profile = load_profile(Settings(source=report["profile"], home=tmp_path / "home"))
    last_day = FIRST_DATE + timedelta(days=19)
    assert profile.root == out
    assert newest_day(profile, source_files(profile)) == profile.end == last_day
    second = retention(tmp_path, *SMALL, "--out", str(out))
    assert second.returncode == 0
    assert second.stdout.splitlines()[-2].endswith(": unchanged")
    assert second.stderr == ""


def test_folder_with_other_files_is_refused(tmp_path: Path, call: Call) -> None:
    (tmp_path / "other.csv").write_text("1\n")
    result = call("simulate", "--days", "5", "--out", str(tmp_path))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert (
        "contains files that were not written by a simulation. "
        "Fix: Name a folder that is new or empty." in result.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["other.csv"]


@pytest.mark.parametrize(
    "option",
    [
        ("--shift-on", "2024-02-01"),
        ("--dirty", "1.5"),
        ("--customers", "3"),
        ("--shift-on", "soon"),
        ("--seed", "-1"),
    ],
)
def test_wrong_option_writes_nothing_and_exits_with_2(
    tmp_path: Path, option: tuple[str, str], call: Call
) -> None:
    result = call("simulate", "--days", "20", "--out", str(tmp_path / "x"), *option)
    assert result.returncode == 2
    assert option[0] in result.stderr
    assert list(tmp_path.iterdir()) == []
