"""Simulated sources on disk: made whole, made longer, or left as they are. Beside the data lies a note of how it was made.

`retention simulate` fills any folder with one; `retention run` makes the embedded source where it is missing.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from retention_assets.errors import SetupError
from retention_assets.settings import Settings

NOTE = "simulation.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Simulation:
    """Which world to simulate. Equal ones have equal bytes."""

    customers: int
    days: int
    seed: int
    dirty: float = 0.0
    shift_on: date | None = None

    @property
    def note(self) -> dict[str, Any]:
        """What the folder tells of itself; that nothing is broken and nothing shifts goes without saying."""
        unusual = {"dirty": self.dirty or None, "shift_on": self.shift_on and str(self.shift_on)}
        usual = {"customers": self.customers, "days": self.days, "seed": self.seed}
        return usual | {name: value for name, value in unusual.items() if value}

    def days_kept(self, had: dict[str, Any]) -> int:
        """How many days that a folder with this note has are those of this simulation too: all, or none."""
        from retention_assets.simulation.simulator import FIRST_DATE

        days = int(had.get("days", 0))
        same = self.note | {"days": days}
        if self.shift_on and self.shift_on >= FIRST_DATE + timedelta(
            days=days
        ):  # what shifts later has not shifted yet
            same.pop("shift_on")
        return days if had == same and days <= self.days else 0


def make_simulation(folder: Path, wanted: Simulation, progress: Progress) -> bool:
    """Makes the folder hold this simulation, whole or only the days that it lacks. Returns whether it did anything.

    What another simulation left in the folder is replaced. Raises SetupError where somebody else's files lie in it.
    """
    from retention_assets.simulation.simulator import simulate

    if (
        folder.exists()
        and not (folder / NOTE).exists()
        and (not folder.is_dir() or any(folder.iterdir()))
    ):
        raise SetupError(
            f"{folder} holds what no simulation has written.", "Name a folder that is new or empty."
        )
    had = _note_of(folder)
    if had == wanted.note:
        return False
    try:
        if kept := wanted.days_kept(had):
            simulate(folder, **asdict(wanted), first_day=kept, progress=progress)
        else:
            draft = folder.with_name(f".{folder.name}.draft")
            shutil.rmtree(draft, ignore_errors=True)
            simulate(draft, **asdict(wanted), progress=progress)
            _put_in_place(draft, folder)
        (folder / NOTE).write_text(json.dumps(wanted.note))
    except OSError as error:
        raise SetupError(
            f"{folder} cannot be written: {error}.",
            "Name a folder of your own, on a disk with room.",
        ) from error
    return True


def make_simulated_source(settings: Settings, progress: Progress) -> bool:
    """The embedded source of these settings. Returns whether anything had to be made.

    A folder that another seed or number of customers made is replaced. One without a note, or with dirt or a shift that
    no setting asks for, is somebody's own and is left alone.
    """
    folder = settings.simulated_dir
    wanted = Simulation(
        settings.simulated_customers, settings.simulated_days, settings.simulated_seed
    )
    if (folder.exists() and not (folder / NOTE).exists()) or _note_of(
        folder
    ).keys() - wanted.note.keys():
        return False
    return make_simulation(folder, wanted, progress)


def _note_of(folder: Path) -> dict[str, Any]:
    note = folder / NOTE
    try:
        told = json.loads(note.read_text()) if note.exists() else {}
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise SetupError(
            f"{note} is not what a simulation writes.", f"Remove {folder}, to have it made anew."
        )
    return told


def _put_in_place(draft: Path, folder: Path) -> None:
    """The draft's tables for those of the folder. Until all are there, the note owns up to no day at all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text(json.dumps({"days": 0}))
    for part in draft.iterdir():
        shutil.rmtree(folder / part.name, ignore_errors=True)
        part.replace(folder / part.name)
    draft.rmdir()
