"""`retention simulate`: a folder that the graph can run on, made once, made longer, and never at the cost of somebody's files."""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import newest_day
from retention_assets_tests.cli.test_app import retention


def test_the_command_tells_the_rows_that_lie_there_and_its_profile_loads(tmp_path: Path) -> None:
    out = tmp_path / "shop"
    done = retention(
        tmp_path,
        "simulate",
        "--customers",
        "60",
        "--days",
        "20",
        "--seed",
        "3",
        "--out",
        str(out),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    counted = {
        table: sum(pq.read_table(file).num_rows for file in (out / table).glob("*.parquet"))
        for table in told["rows"]
    }
    assert told["rows"] == counted and counted["customers"] > 30 and len(counted) == 7
    profile = load_profile(Settings(source=told["profile"], home=tmp_path / "home"))
    assert profile.root == out and newest_day(profile) == FIRST_DATE + timedelta(days=19)
    again = retention(
        tmp_path, "simulate", "--customers", "60", "--days", "20", "--seed", "3", "--out", str(out)
    )
    assert again.returncode == 0 and "all there already" in again.stdout and again.stderr == ""


def test_a_folder_of_somebody_else_is_refused_in_one_line_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("1\n")
    done = retention(tmp_path / "home", "simulate", "--days", "5", "--out", str(tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert (
        "contains files that were not written by a simulation. "
        "Fix: Name a folder that is new or empty." in done.stderr
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--shift-on", "2024-02-01"),
        ("--dirty", "1.5"),
        ("--customers", "3"),
        ("--shift-on", "soon"),
        ("--seed", "-1"),
    ],
)
def test_wrong_use_writes_nothing_and_exits_with_2(tmp_path: Path, wrong: tuple[str, str]) -> None:
    done: subprocess.CompletedProcess[str] = retention(
        tmp_path, "simulate", "--days", "20", "--out", str(tmp_path / "x"), *wrong
    )
    assert done.returncode == 2 and wrong[0] in done.stderr and list(tmp_path.iterdir()) == []
