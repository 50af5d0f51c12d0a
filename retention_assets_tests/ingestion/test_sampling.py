"""Which files a sample has, and that no more than its rows are read."""

from datetime import date
from pathlib import Path

import pytest

from retention_assets.ingestion.layouts import inspect_files
from retention_assets.ingestion.reading import read_files
from retention_assets.ingestion.sampling import sample_files
from retention_assets.resources.lake import Lake
from retention_assets.sources.arrival import ArrivalDays
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, source_files

DAYS = ArrivalDays(date(2024, 1, 1), date(2024, 12, 31), {})


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, [*range(10)]), (99, [*range(10)])],
)
def test_sample_has_first_last_and_files_between(count: int, expected: list[int]) -> None:
    files = [SourceFile("transactions", Path(f"{n}.csv"), None, 1, 1) for n in range(10)]
    sample = sample_files(files, count, 100)
    assert sample.files == tuple(files[place] for place in expected)
    assert sample.of_files == 10


def test_sample_of_one_file_is_that_file() -> None:
    file = SourceFile("transactions", Path("all.csv"), None, 1, 1)
    assert sample_files([file], 5, 100).files == (file,)


def test_sample_reads_first_rows_of_its_files(lake: Lake, tmp_path: Path) -> None:
    for day in (1, 2, 3):
        lines = [f"{day}{row},ann,2024-01-0{day} 10:00:00" for row in range(4)]
        (tmp_path / f"{day}.csv").write_text("\n".join(["id,who,time", *lines]) + "\n")
    table = {
        "path": "*.csv",
        "format": "csv",
        "source_columns": {"id": "string", "who": "string", "time": "timestamp"},
        "columns": {"ticket_id": "id", "customer_id": "who", "event_ts": "time"},
    }
    content = {"name": "shop", "start": "2024-01-01", "churn": {"kind": "inactivity"}}
    profile = Profile.model_validate(
        content | {"root": tmp_path, "tables": {"support_tickets": table}}
    )
    sample = sample_files(source_files(profile), 2, rows_per_file=3)
    layouts, _ = inspect_files(profile, "support_tickets", sample.files)
    rows = read_files(
        lake.spark, profile, "support_tickets", DAYS, layouts=layouts, rows_per_file=3
    ).collect()
    assert sorted(row["ticket_id"] for row in rows) == [
        "10", "11", "12", "30", "31", "32",
    ]  # fmt: skip
