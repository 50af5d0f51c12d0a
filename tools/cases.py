"""Replays a folder of small inputs through the product and prints a table: case, result before
anything was fixed, right result, result now, and whether that is right.

    python tools/cases.py FOLDER [NUMBER ...]

The folder has a folder per case, whose name begins with its number, and a README.md with a table:
folder, situation, right result, result of the first build.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from case_results import flat_result, run_result, source_result, touch
from expected_cases import FLAT, RUNS, SOURCES
from rich.console import Console
from rich.table import Table

from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings

HEADINGS = ("Input", "Before", "Right", "Now", "")
OLD_FILES = {"31-old-mtime": datetime(2024, 2, 10), "31-old-mtime/zip": datetime(1980, 1, 1)}
Line = tuple[str, str, bool]  # input, result, whether it is right


def main(folder: Path, numbers: list[str]) -> int:
    described = dict(descriptions(folder / "README.md"))
    table = Table(*HEADINGS, box=None, padding=(0, 1, 1, 0))
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="retention-") as copy:
        cases = Path(copy) / "cases"
        shutil.copytree(folder, cases)
        for name, day in OLD_FILES.items():
            if (cases / name).is_dir():
                touch(cases / name, day.replace(tzinfo=UTC).timestamp())
        lake = Lake.of(Settings(home=Path(copy) / "home", spark_master="local[2]"))
        for name, result, is_right in lines(cases, lake, numbers):
            right, before = described.get(name.split("/")[0], ("", ""))
            table.add_row(name, before, right, result, "right" if is_right else "WRONG")
            wrong += not is_right
    Console(width=200, highlight=False).print(table)
    print(f"{table.row_count} inputs, {wrong} wrong.")
    return int(wrong > 0)


def descriptions(readme: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """Folder -> right result, result of the first build."""
    for line in readme.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        if len(cells) == 4 and re.match(r"\d\d-", cells[0]):
            yield cells[0], (cells[2], cells[3])


def lines(cases: Path, lake: Lake, numbers: list[str]) -> Iterator[Line]:
    def is_chosen(name: str) -> bool:
        return not numbers or name[:2] in numbers

    for flat in FLAT:
        if is_chosen(flat.file):
            result = flat_result(cases / flat.file, flat.roles)
            is_right = flat.right in result
            if flat.same_as:
                is_right &= result == flat_result(cases / flat.same_as, flat.same_roles)
            yield flat.file, result, is_right
    for profile, right in SOURCES.items():
        if is_chosen(profile):
            result = source_result(lake.spark, cases / profile)
            yield profile, result, right in result
    for run in RUNS:
        if is_chosen(run.profile):
            results = run_result(lake, cases / run.profile, run.table, run.columns)
            for way, result in zip(("at once", "day by day"), results, strict=True):
                yield f"{run.profile} {run.table}, {way}", result, result == run.right


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
