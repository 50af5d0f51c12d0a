"""Which files a source has, for which days, and which days changed. No Spark, no file is opened."""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from retention_assets.errors import ProfileError
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import (
    changed_range,
    fingerprint,
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


@pytest.mark.parametrize(
    ("as_of", "days"),
    [
        (None, ["2024-01-01", "2024-01-31"]),
        (date(2024, 2, 9), ["2024-01-01", "2024-01-31"]),
        (date(2024, 1, 31), ["2024-01-01"]),
        (date(2024, 1, 1), []),
    ],
)
def test_files_outside_the_source_or_after_as_of_are_hidden(
    tmp_path: Path, as_of: date | None, days: list[str]
) -> None:
    write_files(tmp_path, d01=1, d31=1)
    for outside in ("2023-12-31", "2024-02-01"):
        (tmp_path / "orders" / f"{outside}.csv").write_text("x")
    assert [str(file.day) for file in source_files(profile(tmp_path), as_of)] == days
    assert str(newest_day(profile(tmp_path), as_of)) == (days[-1] if days else "None")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        ({"d07": 1}, ("2024-01-07", "2024-01-07")),  # new
        ({"d02": 9}, ("2024-01-02", "2024-01-02")),  # another size
        ({"d05": -1}, ("2024-01-05", "2024-01-05")),  # gone
        ({"d02": -1, "d03": 1, "d09": 1}, ("2024-01-02", "2024-01-09")),
    ],
)
def test_changed_range_spans_first_to_last_change(
    tmp_path: Path, changes: dict[str, int], expected: tuple[str, str] | None
) -> None:
    write_files(tmp_path, d02=1, d05=1)
    previous = fingerprint(profile(tmp_path))
    write_files(tmp_path, **changes)
    changed = changed_range(profile(tmp_path), previous)
    assert (changed and tuple(map(str, changed))) == expected


def test_rewritten_file_of_same_size_is_a_change(tmp_path: Path) -> None:
    write_files(tmp_path, d02=1, d05=1)
    previous = fingerprint(profile(tmp_path))
    os.utime(tmp_path / "orders" / "2024-01-05.csv", (WRITTEN, WRITTEN + 1))
    assert changed_range(profile(tmp_path), previous) == (date(2024, 1, 5), date(2024, 1, 5))


def test_without_previous_read_all_days_are_new(
    tmp_path: Path,
) -> None:
    assert changed_range(profile(tmp_path), None) is None and newest_day(profile(tmp_path)) is None
    write_files(tmp_path, d02=1, d05=1)
    assert changed_range(profile(tmp_path), None) == (date(2024, 1, 2), date(2024, 1, 5))


def test_fingerprint_does_not_depend_on_the_folder(tmp_path: Path) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        folder.mkdir()
        write_files(folder, d02=1, d05=1)
    first, second = (fingerprint(profile(folder)) for folder in folders)
    assert first == second and list(first) == ["2024-01-02", "2024-01-05"]


def test_undated_file_may_hold_days_until_written(tmp_path: Path) -> None:
    write_files(tmp_path, d02=1)
    undated = profile(tmp_path, pattern=None)
    assert [file.day for file in source_files(undated)] == [None]
    assert newest_day(undated) == date(2024, 1, 20)
    assert newest_day(undated, as_of=date(2024, 1, 10)) == date(2024, 1, 9)
    previous = fingerprint(undated)
    assert changed_range(undated, previous) is None
    write_files(tmp_path, d02=2)
    assert changed_range(undated, previous) == (JANUARY[0], date(2024, 1, 20))


def test_delta_table_changes_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "orders" / "_delta_log"
    log.mkdir(parents=True)
    for version in range(2):
        (log / f"{version:020}.json").write_text("{}")
    delta = profile(tmp_path, pattern=None, format="delta", path="orders")
    previous = fingerprint(delta)
    (log / f"{2:020}.json").write_text("{} ")
    assert (
        changed_range(delta, previous) is not None
        and changed_range(delta, fingerprint(delta)) is None
    )


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


def test_end_matters_to_the_fingerprint_of_undated_files(tmp_path: Path) -> None:
    """An undated file's rows after the profile's end are not read, so a new end is a change."""
    write_files(tmp_path, d02=1)
    longer = {"end": date(2024, 2, 29)}
    dated = profile(tmp_path)
    assert changed_range(dated.model_copy(update=longer), fingerprint(dated)) is None
    undated = profile(tmp_path, pattern=None)
    assert changed_range(undated.model_copy(update=longer), fingerprint(undated)) is not None
