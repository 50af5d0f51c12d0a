"""What the ledger makes of a listing: what is to be read, what waits, and what has vanished."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from retention_assets.sources.ledger import (
    GROWING,
    READ,
    UNREADABLE,
    VANISHED,
    Ledger,
    State,
    Survey,
    new_entries,
    survey,
    vanished_entries,
)
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, present_files
from retention_assets_tests.sources.test_source_files import WRITTEN, profile, write_files

RUN = "run-1"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """The ledger of a source with files of 2 and 5 January, both read by one run."""
    (tmp_path / "source").mkdir()
    write_files(tmp_path / "source", d02=1, d05=1)
    ledger = Ledger(str(tmp_path / "lake"))
    note(ledger, profile(tmp_path / "source"), READ)
    return ledger


def note(ledger: Ledger, shop: Profile, state: State, *names: str) -> None:
    """Adds an entry for the named files, or for all."""
    files = [file for file in present_files(shop) if not names or file.path.name in names]
    states: dict[SourceFile, State] = dict.fromkeys(files, state)
    ledger.add(new_entries(shop, states, ledger.content(), run_id=RUN))


def look(ledger: Ledger, shop: Profile, **options: Any) -> Survey:
    return survey(shop, present_files(shop), ledger.content(), **options)


def days(files: tuple[SourceFile, ...]) -> list[str]:
    return [str(file.day) for file in files]


def test_empty_ledger_has_read_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, d02=1, d05=1)
    state = look(Ledger(str(tmp_path / "lake")), profile(tmp_path))
    assert days(state.unread) == ["2024-01-02", "2024-01-05"]
    assert state.read == state.vanished == ()


def test_entry_comes_back_as_it_was_added(tmp_path: Path, ledger: Ledger) -> None:
    entry = ledger.content().newest["transactions", "orders/2024-01-05.csv"]
    assert (entry.number, entry.state, entry.day, entry.size, entry.run_id) == (
        1,
        READ,
        date(2024, 1, 5),
        1,
        RUN,
    )
    assert entry.modified_ns == int(WRITTEN * 1e9)


@pytest.mark.parametrize(
    ("changes", "unread", "vanished"),
    [
        ({}, [], []),
        ({"d07": 1}, ["2024-01-07"], []),
        ({"d02": 9}, ["2024-01-02"], []),
        ({"d05": -1}, [], ["orders/2024-01-05.csv"]),
        ({"d02": -1, "d03": 1}, ["2024-01-03"], ["orders/2024-01-02.csv"]),
    ],
)
def test_new_and_changed_files_are_unread(
    tmp_path: Path, ledger: Ledger, changes: dict[str, int], unread: list[str], vanished: list[str]
) -> None:
    write_files(tmp_path / "source", **changes)
    state = look(ledger, profile(tmp_path / "source"))
    assert days(state.unread) == unread
    assert [entry.path for entry in state.vanished] == vanished


def test_rewritten_file_of_same_size_is_unread(tmp_path: Path, ledger: Ledger) -> None:
    os.utime(tmp_path / "source" / "orders" / "2024-01-05.csv", (WRITTEN, WRITTEN + 1))
    assert days(look(ledger, profile(tmp_path / "source")).unread) == ["2024-01-05"]


def test_moved_data_folder_is_not_read_again(tmp_path: Path, ledger: Ledger) -> None:
    (tmp_path / "source").rename(tmp_path / "moved")
    state = look(ledger, profile(tmp_path / "moved"))
    assert state.unread == state.vanished == ()


def test_other_columns_or_options_make_a_file_unread(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source", where="total > 0")
    assert days(look(ledger, shop).unread) == ["2024-01-02", "2024-01-05"]


@pytest.mark.parametrize(("pattern", "unread"), [("dated", 0), (None, 2)])
def test_later_end_makes_only_undated_files_unread(
    tmp_path: Path, pattern: str | None, unread: int
) -> None:
    """Which rows of an undated file are read depends on the source's end."""
    write_files(tmp_path, d02=1, d05=1)
    shop = profile(tmp_path) if pattern else profile(tmp_path, pattern=None)
    ledger = Ledger(str(tmp_path / "lake"))
    note(ledger, shop, READ)
    longer = shop.model_copy(update={"end": date(2024, 2, 29)})
    assert len(look(ledger, longer).unread) == unread


def test_files_of_a_failed_run_are_unread(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source")
    assert days(look(ledger, shop, failed_runs={RUN}).unread) == ["2024-01-02", "2024-01-05"]
    assert look(ledger, shop, failed_runs={"another"}).unread == ()


def test_files_outside_the_source_are_neither_read_nor_missed(
    tmp_path: Path, ledger: Ledger
) -> None:
    shorter = profile(tmp_path / "source").model_copy(update={"end": date(2024, 1, 4)})
    state = look(ledger, shorter)
    assert state.unread == state.vanished == ()
    assert days(state.read) == ["2024-01-02"]


def test_growing_file_is_unread_once_it_stays_the_same(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source")
    write_files(tmp_path / "source", d07=1)
    note(ledger, shop, GROWING, "2024-01-07.csv")
    write_files(tmp_path / "source", d07=2)
    state = look(ledger, shop)
    assert days(state.growing) == ["2024-01-07"] and state.unread == ()
    note(ledger, shop, GROWING, "2024-01-07.csv")
    assert days(look(ledger, shop).unread) == ["2024-01-07"]


def test_unreadable_file_waits_until_it_changes(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source")
    write_files(tmp_path / "source", d07=1)
    note(ledger, shop, UNREADABLE, "2024-01-07.csv")
    assert days(look(ledger, shop).unreadable) == ["2024-01-07"]
    write_files(tmp_path / "source", d07=2)
    assert days(look(ledger, shop).unread) == ["2024-01-07"]


def test_vanished_file_is_noted_once_and_can_return(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source")
    write_files(tmp_path / "source", d05=-1)
    for added in (1, 0):
        content = ledger.content()
        entries = vanished_entries(look(ledger, shop).vanished, content)
        assert [entry.state for entry in entries] == [VANISHED] * added
        ledger.add(entries)
    write_files(tmp_path / "source", d05=1)
    state = look(ledger, shop)
    assert days(state.unread) == ["2024-01-05"] and state.vanished == ()


def test_digest_changes_with_what_was_read_only(tmp_path: Path, ledger: Ledger) -> None:
    shop = profile(tmp_path / "source")
    before = ledger.content().digest()
    write_files(tmp_path / "source", d05=-1, d07=1)
    ledger.add(vanished_entries(look(ledger, shop).vanished, ledger.content()))
    note(ledger, shop, GROWING, "2024-01-07.csv")
    assert ledger.content().digest() == before
    note(ledger, shop, READ, "2024-01-07.csv")
    assert ledger.content().digest() != before
