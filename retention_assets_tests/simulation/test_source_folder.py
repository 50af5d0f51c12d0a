"""Folders of a simulation: written once, extended, and never written over other files."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets.simulation.source_folder import (
    FORMAT,
    NOTE_FILE,
    Simulation,
    make_simulated_source,
    make_simulation,
)

SMALL = Simulation(customers=60, days=20, seed=3)


def ignore_progress(day: int, days: int) -> None:
    """A progress callback that does nothing."""


def interrupt_after_day_10(day: int, days: int) -> None:
    if day == 10:
        raise KeyboardInterrupt


def interrupt_after_day_30(day: int, days: int) -> None:
    if day == 30:
        raise KeyboardInterrupt


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_new_days_are_added_to_existing_days(tmp_path: Path) -> None:
    shift_on = FIRST_DATE + timedelta(days=20)
    shifted = Simulation(customers=60, days=30, seed=3, dirty=0.1, shift_on=shift_on)
    make_simulation(tmp_path / "grown", Simulation(60, 20, 3, dirty=0.1), ignore_progress)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "grown").rglob("*.parquet")}
    assert make_simulation(tmp_path / "grown", shifted, ignore_progress)
    make_simulation(tmp_path / "whole", shifted, ignore_progress)
    assert contents(tmp_path / "grown") == contents(tmp_path / "whole")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not make_simulation(tmp_path / "grown", shifted, ignore_progress)


@pytest.mark.parametrize(
    ("simulation", "days"),
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
def test_only_identical_days_are_reused(simulation: Simulation, days: int) -> None:
    assert simulation.reusable_days(SMALL.note) == days


def test_folder_of_an_earlier_format_is_left_alone(tmp_path: Path) -> None:
    """Its home has read it. More days would be of another format: then all is written anew."""
    settings = Settings(home=tmp_path, simulated_customers=60, simulated_days=30, simulated_seed=3)
    make_simulated_source(settings, ignore_progress)
    written = contents(settings.simulated_dir)
    note = settings.simulated_dir / NOTE_FILE
    note.write_text('{"customers": 60, "days": 30, "seed": 3}')
    assert not make_simulated_source(settings, ignore_progress)
    for file in (settings.simulated_dir / "campaign_contacts").iterdir():
        file.write_bytes(b"")
    longer = settings.model_copy(update={"simulated_days": 31})
    assert make_simulated_source(longer, ignore_progress)
    assert written.items() <= contents(settings.simulated_dir).items()


def test_another_simulation_replaces_only_the_tables(tmp_path: Path) -> None:
    make_simulation(tmp_path / "shop", Simulation(60, 25, 3), ignore_progress)
    (tmp_path / "shop" / "notes.txt").write_text("mine")
    make_simulation(tmp_path / "shop", SMALL, ignore_progress)
    make_simulation(tmp_path / "fresh", SMALL, ignore_progress)
    assert contents(tmp_path / "shop") == contents(tmp_path / "fresh")
    assert (tmp_path / "shop" / "notes.txt").read_text() == "mine"


def test_interrupted_simulation_is_completed(tmp_path: Path) -> None:
    longer = Simulation(60, 40, 3)
    with pytest.raises(KeyboardInterrupt):
        make_simulation(tmp_path / "shop", SMALL, interrupt_after_day_10)
    assert make_simulation(tmp_path / "shop", SMALL, ignore_progress)
    with pytest.raises(KeyboardInterrupt):  # while days are added
        make_simulation(tmp_path / "shop", longer, interrupt_after_day_30)
    assert make_simulation(tmp_path / "shop", longer, ignore_progress)
    make_simulation(tmp_path / "whole", longer, ignore_progress)
    assert contents(tmp_path / "shop") == contents(tmp_path / "whole")


def test_embedded_source_keeps_a_custom_simulation(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, simulated_customers=60, simulated_days=30, simulated_seed=3)
    assert make_simulated_source(settings, ignore_progress)
    assert not make_simulated_source(settings, ignore_progress)
    longer = settings.model_copy(update={"simulated_days": 35})
    assert make_simulated_source(longer, ignore_progress)
    note = json.loads((settings.simulated_dir / NOTE_FILE).read_text())
    assert note == {"customers": 60, "days": 35, "seed": 3, "format": FORMAT}
    shifted = Simulation(60, 30, 3, shift_on=date(2024, 1, 20))
    make_simulation(settings.simulated_dir, shifted, ignore_progress)
    assert not make_simulated_source(settings, ignore_progress)
    (settings.simulated_dir / NOTE_FILE).unlink()
    assert not make_simulated_source(settings, ignore_progress)


def test_foreign_files_are_kept_and_raise_an_error(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("1\n")
    with pytest.raises(SetupError, match=r"not written by a simulation.*Fix: Name a folder"):
        make_simulation(tmp_path, SMALL, ignore_progress)
    assert [path.name for path in tmp_path.iterdir()] == ["orders.csv"]


def test_unwritable_folder_raises_an_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match=r"file/shop cannot be written: .*Fix: Name a folder"):
        make_simulation(tmp_path / "file" / "shop", SMALL, ignore_progress)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_invalid_note_raises_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / NOTE_FILE).write_text(text)
    with pytest.raises(SetupError, match="not written by a simulation"):
        make_simulation(tmp_path, Simulation(20, 30, 1), ignore_progress)
