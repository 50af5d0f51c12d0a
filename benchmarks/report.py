"""Output of a benchmark: a table on the terminal, and a JSON file beside the script."""

import json
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def publish(script: str, rows: list[dict[str, Any]], notes: dict[str, Any]) -> None:
    """Prints the rows, and writes them to `<script>.json` with the notes and the machine."""
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(width=140, highlight=False).print(table)
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    content = json.dumps({"rows": rows, **notes, "machine": machine}, indent=2)
    Path(script).with_suffix(".json").write_text(content + "\n")
