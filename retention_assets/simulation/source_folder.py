"""Folders that hold a simulated source: created, extended, or left as they are.

A note beside the tables (`simulation.json`) records which simulation wrote them.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import KW_ONLY, asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from retention_assets.errors import SetupError
from retention_assets.settings import Settings

NOTE_FILE = "simulation.json"
FORMAT = 2  # of the tables; days are added only to a folder of the same format
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Simulation:
    """The arguments of a simulation. Equal arguments give equal bytes."""

    customers: int
    days: int
    seed: int
    _: KW_ONLY
    dirty: float = 0.0
    shift_on: date | None = None

    @property
    def note(self) -> dict[str, Any]:
        """The content of the note.

        Arguments with their default value (no dirt, no shift) are left out.
        """
        note: dict[str, Any] = {"customers": self.customers, "days": self.days, "seed": self.seed}
        note["format"] = FORMAT
        if self.dirty:
            note["dirty"] = self.dirty
        if self.shift_on:
            note["shift_on"] = str(self.shift_on)
        return note

    def reusable_days(self, note: dict[str, Any]) -> int:
        """How many days of a folder with this note this simulation can reuse: all or none."""
        from retention_assets.simulation.simulator import FIRST_DATE

        days = int(note.get("days", 0))
        expected = self.note | {"days": days}
        if self.shift_on and self.shift_on >= FIRST_DATE + timedelta(days=days):
            # The shift comes after the days in the folder, so it has not changed them.
            expected.pop("shift_on")
        return days if note == expected and days <= self.days else 0


def make_simulation(folder: Path, simulation: Simulation, progress: Progress) -> bool:
    """Makes the folder hold this simulation and returns whether anything had to be written.

    Days that the folder already has are kept; another simulation is replaced. Raises SetupError
    where the folder contains other files or cannot be written.
    """
    # Imported here: the command line loads this module for every command, and pyarrow is slow to
    # import.
    from retention_assets.simulation.simulator import simulate

    is_occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if is_occupied and not (folder / NOTE_FILE).exists():
        raise SetupError(
            f"{folder} contains files that were not written by a simulation.",
            "Name a folder that is new or empty.",
        )
    note = _read_note(folder)
    if note == simulation.note:
        return False
    try:
        if first_day := simulation.reusable_days(note):
            simulate(folder, **asdict(simulation), first_day=first_day, progress=progress)
        else:
            draft = folder.with_name(f".{folder.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            simulate(draft, **asdict(simulation), progress=progress)
            _replace_tables(folder, draft)
        (folder / NOTE_FILE).write_text(json.dumps(simulation.note))
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written: {error}.",
            "Name a folder that you may write to, on a disk with enough space.",
        ) from error
    return True


def make_simulated_source(settings: Settings, progress: Progress) -> bool:
    """Makes the embedded source of these settings and returns whether anything had to be written.

    A folder of another seed or number of customers is replaced. A folder without a note, or with
    arguments that no setting can give (corrupted rows, a shift), was made on purpose and is left
    alone.
    """
    folder = settings.simulated_dir
    simulation = Simulation(
        settings.simulated_customers, settings.simulated_days, settings.simulated_seed
    )
    if folder.exists() and not (folder / NOTE_FILE).exists():
        return False
    note = _read_note(folder)
    if note.keys() - simulation.note.keys():
        return False
    if note | {"format": FORMAT} == simulation.note:
        return False  # the home has read it, whatever its format: two would mix in its tables
    return make_simulation(folder, simulation, progress)


def _read_note(folder: Path) -> dict[str, Any]:
    """The folder's note; empty where there is none."""
    file = folder / NOTE_FILE
    try:
        note = json.loads(file.read_text()) if file.exists() else {}
    except ValueError:
        note = None
    if not isinstance(note, dict):
        raise SetupError(
            f"{file} was not written by a simulation, or it is damaged.",
            f"Delete {folder}. The simulation is then written again.",
        )
    return note


def _replace_tables(folder: Path, draft: Path) -> None:
    """Moves the tables of the draft into the folder.

    Until all are there, the note records zero days, so that an interrupted move is repeated.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE_FILE).write_text(json.dumps({"days": 0}))
    for table in draft.iterdir():
        shutil.rmtree(folder / table.name, ignore_errors=True)
        table.replace(folder / table.name)
    draft.rmdir()
