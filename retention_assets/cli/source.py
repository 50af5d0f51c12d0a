"""The embedded source, made where it is missing: `retention run` needs no `retention simulate` before it."""

import json
import shutil
from collections.abc import Callable
from typing import Any

from retention_assets.settings import Settings


def make_simulated_source(settings: Settings, progress: Callable[[int, int], None]) -> bool:
    """Simulates the source of these settings, whole or only the days that it lacks. Returns whether it did anything.

    A folder that another seed or number of customers made is replaced; one without a note of how it was made is
    somebody's own, and is left alone.
    """
    from retention_assets.ingestion.simulator import simulate

    folder, wanted = settings.simulated_dir, _wanted(settings)
    note = folder / "simulation.json"
    if folder.exists() and not note.exists():
        return False
    had = json.loads(note.read_text()) if note.exists() else {}
    if had == wanted:
        return False
    longer = had and had | {"days": wanted["days"]} == wanted and had["days"] < wanted["days"]
    if longer:
        simulate(folder, **wanted, first_day=had["days"], progress=progress)
    else:
        draft = folder.with_name(f"{folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        simulate(draft, **wanted, progress=progress)
        shutil.rmtree(folder, ignore_errors=True)
        draft.replace(folder)
    note.write_text(json.dumps(wanted))
    return True


def _wanted(settings: Settings) -> dict[str, Any]:
    return {"customers": settings.simulated_customers, "days": settings.simulated_days, "seed": settings.simulated_seed}
