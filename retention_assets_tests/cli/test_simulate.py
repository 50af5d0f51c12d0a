"""`retention simulate`: a folder that the graph can run on, made once, made longer, and never at the cost of somebody's files."""

import json
import subprocess
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from retention_assets.errors import SetupError
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets.simulation.source_folder import (
    NOTE,
    Simulation,
    make_simulated_source,
    make_simulation,
)
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import newest_day
from retention_assets_tests.cli.test_app import retention

SMALL = Simulation(customers=60, days=20, seed=3)


def quiet(day: int, days: int) -> None:
    """Nobody looks."""


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


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
        "holds what no simulation has written. Fix: Name a folder that is new or empty."
        in done.stderr
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


def test_more_days_of_the_same_world_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    shifted = Simulation(
        customers=60, days=30, seed=3, dirty=0.1, shift_on=FIRST_DATE + timedelta(days=20)
    )
    make_simulation(tmp_path / "grown", Simulation(60, 20, 3, 0.1), quiet)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "grown").rglob("*.parquet")}
    assert make_simulation(tmp_path / "grown", shifted, quiet)
    make_simulation(tmp_path / "whole", shifted, quiet)
    assert files(tmp_path / "grown") == files(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not make_simulation(tmp_path / "grown", shifted, quiet)


@pytest.mark.parametrize(
    ("other", "kept"),
    [
        (Simulation(60, 25, 3), 20),
        (Simulation(60, 20, 3), 20),
        (Simulation(60, 15, 3), 0),
        (Simulation(61, 25, 3), 0),
        (Simulation(60, 25, 4), 0),
        (Simulation(60, 25, 3, dirty=0.1), 0),
        (Simulation(60, 25, 3, shift_on=FIRST_DATE + timedelta(days=20)), 20),
        (Simulation(60, 25, 3, shift_on=FIRST_DATE + timedelta(days=19)), 0),
    ],
)
def test_days_are_kept_only_where_they_would_be_the_same(other: Simulation, kept: int) -> None:
    assert other.days_kept(SMALL.note) == kept


def test_another_world_replaces_the_one_that_was_there_and_nothing_else(tmp_path: Path) -> None:
    make_simulation(tmp_path / "shop", Simulation(60, 25, 3), quiet)
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    make_simulation(tmp_path / "shop", SMALL, quiet)
    make_simulation(tmp_path / "anew", SMALL, quiet)
    assert files(tmp_path / "shop") == files(tmp_path / "anew")
    assert (tmp_path / "shop" / "notes.txt").read_text() == "mine"


def test_a_simulation_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    def cut(day: int, days: int) -> None:
        if day == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_simulation(tmp_path / "shop", SMALL, cut)
    assert make_simulation(tmp_path / "shop", SMALL, quiet)
    with pytest.raises(KeyboardInterrupt):  # while days are added
        make_simulation(
            tmp_path / "shop", Simulation(60, 40, 3), lambda day, days: cut(day - 20, days)
        )
    assert make_simulation(tmp_path / "shop", Simulation(60, 40, 3), quiet)
    make_simulation(tmp_path / "whole", Simulation(60, 40, 3), quiet)
    assert files(tmp_path / "shop") == files(tmp_path / "whole")


def test_the_embedded_source_is_made_once_and_ones_own_world_is_left_alone(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, simulated_customers=60, simulated_days=30, simulated_seed=3)
    assert make_simulated_source(settings, quiet) and not make_simulated_source(settings, quiet)
    longer = settings.model_copy(update={"simulated_days": 35})
    assert make_simulated_source(longer, quiet)
    assert json.loads((settings.simulated_dir / NOTE).read_text()) == {
        "customers": 60,
        "days": 35,
        "seed": 3,
    }
    make_simulation(
        settings.simulated_dir, Simulation(60, 30, 3, shift_on=date(2024, 1, 20)), quiet
    )
    assert not make_simulated_source(settings, quiet)
    (settings.simulated_dir / NOTE).unlink()
    assert not make_simulated_source(settings, quiet)


def test_a_place_that_cannot_be_written_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        SetupError, match=r"file/shop cannot be written: .*Fix: Name a folder of your own"
    ):
        make_simulation(tmp_path / "file" / "shop", SMALL, quiet)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_note_that_no_simulation_writes_is_told_with_a_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE).write_text(text)
    with pytest.raises(SetupError, match="not what a simulation writes"):
        make_simulation(tmp_path, Simulation(20, 30, 1), lambda day, days: None)
