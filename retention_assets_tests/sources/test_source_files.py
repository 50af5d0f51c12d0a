"""Which files there are, for which days, and which days changed: tables of rows, without Spark and without opening a file."""

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
TOUCHED = datetime(2024, 1, 20, 12, tzinfo=UTC).timestamp()


def profile(
    root: Path, pattern: str | None = DAY, file_format: str = "csv", glob: str = "orders/*"
) -> Profile:
    """January 2024 of one table."""
    table = {"path": glob, "format": file_format, "day_from_filename": pattern}
    content = {
        "name": "shop",
        "start": JANUARY[0],
        "end": JANUARY[-1],
        "churn": {"kind": "inactivity"},
        "root": root,
    }
    return Profile.model_validate(content | {"tables": {"transactions": table}})


def lay(root: Path, **sizes: int) -> None:
    """Files `orders/<day>.csv` of these sizes, all written at one moment; a size below zero takes the file away."""
    (root / "orders").mkdir(exist_ok=True)
    for day, size in sizes.items():
        file = root / "orders" / f"2024-01-{day.removeprefix('d')}.csv"
        file.unlink(missing_ok=True)
        if size >= 0:
            file.write_bytes(b"x" * size)
            os.utime(file, (TOUCHED, TOUCHED))


def test_files_are_listed_by_table_and_path_with_the_day_of_their_name(tmp_path: Path) -> None:
    lay(tmp_path, d05=3, d02=4)
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
def test_what_lies_outside_the_source_or_came_on_the_as_of_day_is_not_there(
    tmp_path: Path, as_of: date | None, days: list[str]
) -> None:
    lay(tmp_path, d01=1, d31=1)
    for outside in ("2023-12-31", "2024-02-01"):
        (tmp_path / "orders" / f"{outside}.csv").write_text("x")
    assert [str(file.day) for file in source_files(profile(tmp_path), as_of)] == days
    assert str(newest_day(profile(tmp_path), as_of)) == (days[-1] if days else "None")


@pytest.mark.parametrize(
    ("then", "expected"),
    [
        ({}, None),
        ({"d07": 1}, ("2024-01-07", "2024-01-07")),  # new
        ({"d02": 9}, ("2024-01-02", "2024-01-02")),  # another size
        ({"d05": -1}, ("2024-01-05", "2024-01-05")),  # gone
        ({"d02": -1, "d03": 1, "d09": 1}, ("2024-01-02", "2024-01-09")),
    ],
)
def test_the_days_between_the_first_and_the_last_change_have_changed(
    tmp_path: Path, then: dict[str, int], expected: tuple[str, str] | None
) -> None:
    lay(tmp_path, d02=1, d05=1)
    seen = fingerprint(profile(tmp_path))
    lay(tmp_path, **then)
    changed = changed_range(profile(tmp_path), seen)
    assert (changed and tuple(map(str, changed))) == expected


def test_a_file_of_the_same_size_written_again_is_a_change(tmp_path: Path) -> None:
    lay(tmp_path, d02=1, d05=1)
    seen = fingerprint(profile(tmp_path))
    os.utime(tmp_path / "orders" / "2024-01-05.csv", (TOUCHED, TOUCHED + 1))
    assert changed_range(profile(tmp_path), seen) == (date(2024, 1, 5), date(2024, 1, 5))


def test_where_nothing_was_seen_all_days_are_new_and_where_nothing_is_none_are(
    tmp_path: Path,
) -> None:
    assert changed_range(profile(tmp_path), None) is None and newest_day(profile(tmp_path)) is None
    lay(tmp_path, d02=1, d05=1)
    assert changed_range(profile(tmp_path), None) == (date(2024, 1, 2), date(2024, 1, 5))


def test_a_fingerprint_does_not_depend_on_where_the_folder_lies(tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        lay(tmp_path / name, d02=1, d05=1)
    here, there = (fingerprint(profile(tmp_path / name)) for name in ("here", "there"))
    assert here == there and list(here) == ["2024-01-02", "2024-01-05"]


def test_a_file_without_a_day_holds_any_day_up_to_when_it_was_written(tmp_path: Path) -> None:
    lay(tmp_path, d02=1)
    undated = profile(tmp_path, pattern=None)
    assert [file.day for file in source_files(undated)] == [None]
    assert newest_day(undated) == date(2024, 1, 20)
    assert newest_day(undated, as_of=date(2024, 1, 10)) == date(2024, 1, 9)
    seen = fingerprint(undated)
    assert changed_range(undated, seen) is None
    lay(tmp_path, d02=2)
    assert changed_range(undated, seen) == (JANUARY[0], date(2024, 1, 20))


def test_a_delta_table_changes_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "orders" / "_delta_log"
    log.mkdir(parents=True)
    for version in range(2):
        (log / f"{version:020}.json").write_text("{}")
    delta = profile(tmp_path, pattern=None, file_format="delta", glob="orders")
    seen = fingerprint(delta)
    (log / f"{2:020}.json").write_text("{} ")
    assert (
        changed_range(delta, seen) is not None and changed_range(delta, fingerprint(delta)) is None
    )


@pytest.mark.parametrize("name", ["2024-01-02.txt", "2024-13-02.csv", "all.csv"])
def test_a_file_whose_name_tells_no_day_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / name).write_text("x")
    with pytest.raises(
        ProfileError, match=rf"shop, table transactions: .*{name} tells no day.*day_from_filename"
    ):
        source_files(profile(tmp_path))


def test_a_path_out_of_the_data_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ProfileError, match=r"shop, table transactions: path /etc/\* is absolute.*data_dir"
    ):
        source_files(profile(tmp_path, glob="/etc/*"))
