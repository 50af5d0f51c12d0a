"""Which files a source has, and for which days. No Spark, no file is opened."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from retention_assets.errors import ProfileError
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import (
    newest_day,
    source_files,
)

DAY = r"(\d{4}-\d{2}-\d{2})\.csv"
JANUARY = [date(2024, 1, day) for day in range(1, 32)]
WRITTEN = datetime(2024, 1, 20, 12, tzinfo=UTC).timestamp()


def profile(root: Path, pattern: str | None = DAY, **changes: str) -> Profile:
    """A profile of one table in January 2024."""
    table = {"path": "orders/*", "format": "csv", "day_from_filename": pattern} | changes
    content = {
        "name": "shop",
        "start": JANUARY[0],
        "end": JANUARY[-1],
        "churn": {"kind": "inactivity"},
        "root": root,
    }
    return Profile.model_validate(content | {"tables": {"transactions": table}})


def write_files(root: Path, **sizes: int) -> None:
    """Writes `orders/2024-01-<day>.csv` in these sizes, at one moment; a size below 0 deletes."""
    (root / "orders").mkdir(exist_ok=True)
    for day, size in sizes.items():
        file = root / "orders" / f"2024-01-{day.removeprefix('d')}.csv"
        file.unlink(missing_ok=True)
        if size >= 0:
            file.write_bytes(b"x" * size)
            os.utime(file, (WRITTEN, WRITTEN))


def test_source_files_lists_paths_with_days(tmp_path: Path) -> None:
    write_files(tmp_path, d05=3, d02=4)
    (tmp_path / "orders" / ".2024-01-09.csv").write_text("hidden: still being written")
    (tmp_path / "orders" / "_SUCCESS").write_text("")
    listed = [
        (file.table, file.path.name, str(file.day), file.size)
        for file in source_files(profile(tmp_path))
    ]
    assert listed == [
        ("transactions", "2024-01-02.csv", "2024-01-02", 4),
        ("transactions", "2024-01-05.csv", "2024-01-05", 3),
    ]


def test_files_outside_the_source_are_hidden(tmp_path: Path) -> None:
    write_files(tmp_path, d01=1, d31=1)
    for outside in ("2023-12-31", "2024-02-01"):
        (tmp_path / "orders" / f"{outside}.csv").write_text("x")
    files = source_files(profile(tmp_path))
    assert [str(file.day) for file in files] == ["2024-01-01", "2024-01-31"]
    assert newest_day(profile(tmp_path), files) == JANUARY[-1]


def test_undated_file_may_hold_days_to_the_end(tmp_path: Path) -> None:
    """When it was written says nothing about its rows."""
    write_files(tmp_path, d02=1)
    undated = profile(tmp_path, pattern=None)
    files = source_files(undated)
    assert [file.day for file in files] == [None]
    assert newest_day(undated, files) == JANUARY[-1]
    goes_on = undated.model_copy(update={"end": None})
    assert newest_day(goes_on, files) is None
    assert newest_day(undated, []) is None


def test_delta_table_changes_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "orders" / "_delta_log"
    log.mkdir(parents=True)
    for version in range(2):
        (log / f"{version:020}.json").write_text("{}")
    delta = profile(tmp_path, pattern=None, format="delta", path="orders")
    before = source_files(delta)
    (log / f"{2:020}.json").write_text("{} ")
    assert source_files(delta) != before and source_files(delta) == source_files(delta)


def test_file_removed_while_listing_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, d02=1, d05=1)
    stat = Path.stat

    def remove_and_stat(path: Path, **options: bool) -> os.stat_result:
        if path.name == "2024-01-05.csv":
            path.unlink(missing_ok=True)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", remove_and_stat)
    assert [file.path.name for file in source_files(profile(tmp_path))] == ["2024-01-02.csv"]


@pytest.mark.parametrize("name", ["2024-01-02.txt", "2024-13-02.csv", "all.csv"])
def test_file_name_without_day_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / name).write_text("x")
    with pytest.raises(
        ProfileError, match=rf"shop, table transactions: .*{name} has no day.*day_from_filename"
    ):
        source_files(profile(tmp_path))


def test_absolute_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ProfileError, match=r"shop, table transactions: path /etc/\* is absolute.*data_dir"
    ):
        source_files(profile(tmp_path, path="/etc/*"))


def test_undated_path_is_used_only_without_dated_files(tmp_path: Path) -> None:
    shop = profile(tmp_path, path="orders/*.csv", undated_path="*.csv")
    (tmp_path / "export 2024-01-09.csv").write_text("x")
    assert [(file.path.name, file.day) for file in source_files(shop)] == [
        ("export 2024-01-09.csv", None)
    ]
    write_files(tmp_path, d02=1)
    assert [file.day for file in source_files(shop)] == [date(2024, 1, 2)]
