"""A sample of a source's files in, what a run would make of them out, on a real Spark."""

import json
from datetime import date
from pathlib import Path

import pytest

from retention_assets.errors import ProfileError
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import read_profile
from retention_assets.validation.source_check import (
    CheckOptions,
    SourceCheck,
    TableCheck,
    check_source,
)
from retention_assets_tests.validation.source_folders import ORDERS, PEOPLE, write_source

TICKETS = {
    "path": "tickets/*.json",
    "format": "json",
    "source_columns": {"id": "string", "who": "string", "at": "timestamp", "grade": "int"},
    "columns": {"ticket_id": "id", "customer_id": "who", "event_ts": "at", "satisfaction": "grade"},
}
LOGINS = ORDERS | {
    "path": "logins/*.csv",
    "columns": {
        "event_id": "nr",
        "customer_id": "who",
        "event_ts": "time",
        "event_type": "'login'",
    },
}
CONTACTS = ORDERS | {"columns": {"contact_id": "nr"}}


LAST = date(2024, 1, 31)


def check(spark_lake: Lake, path: Path, *, files: int = 5, rows: int = 100) -> SourceCheck:
    profile = read_profile(Settings(source=str(path), data_dir=None))
    share = profile.allowed_quarantined_share(0.05)
    options = CheckOptions(files=files, rows_per_file=rows, max_share=share, last_day=LAST)
    return check_source(spark_lake.spark, profile, options)


@pytest.fixture(scope="module")
def checked(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> SourceCheck:
    """Two good tables, one of JSON, one whose header differs, one that lacks a column; and churn
    that needs a table that is not there."""
    folder = tmp_path_factory.mktemp("shop")
    tables = {
        "transactions": ORDERS,
        "customers": PEOPLE,
        "support_tickets": TICKETS,
        "engagement_events": LOGINS,
        "campaign_contacts": CONTACTS,
    }
    path = write_source(folder, tables=tables, churn={"kind": "cancellation"})
    (folder / "tickets").mkdir()
    ticket = {"id": "t1", "who": "ann", "at": "2024-01-02 10:00:00", "text": "help"}
    future = ticket | {"id": "t2", "at": "2074-01-02 10:00:00"}
    lines = [json.dumps(ticket), json.dumps(future), "{broken"]
    (folder / "tickets" / "all.json").write_text("\n".join(lines) + "\n")
    (folder / "logins").mkdir()
    (folder / "logins" / "2024-01-02.csv").write_text("nr,who,when,total,note\n")
    return check(lake, path)


@pytest.fixture(scope="module")
def shop(checked: SourceCheck) -> dict[str, TableCheck]:
    return {table.name: table for table in checked.tables}


def test_files_are_counted_with_their_days(shop: dict[str, TableCheck]) -> None:
    files = shop["transactions"].files
    assert files is not None
    assert (files.count, files.undated, files.ignored) == (3, 0, 1)
    assert (files.first_day, files.last_day) == (date(2024, 1, 2), date(2024, 1, 9))
    assert files.sampled[0] == "orders/2024-01-02.csv"


def test_rows_are_valid_or_quarantined_by_reason(shop: dict[str, TableCheck]) -> None:
    sample = shop["transactions"].sample
    assert sample is not None
    assert sum(sample.rows.read.values()) == 5
    assert (sample.rows.valid, sample.rows.quarantined) == (3, 2)
    assert (sample.rows.first_day, sample.rows.last_day) == (date(2024, 1, 2), date(2024, 1, 9))
    reasons = {reason.reason: reason for reason in sample.rows.reasons}
    assert set(reasons) == {"customer_id is missing", "amount cannot be read as double"}
    unread = reasons["amount cannot be read as double"]
    assert (unread.rows, unread.source_file) == (1, "orders/2024-01-03.csv")
    assert json.loads(unread.raw_text or "")["total"] == "soon"
    assert shop["transactions"].errors == ()


def test_columns_have_source_blank_share_and_example(shop: dict[str, TableCheck]) -> None:
    sample = shop["transactions"].sample
    assert sample is not None
    columns = {column.name: column for column in sample.columns}
    assert columns["amount"].source_types == {"total": ("text",)}
    assert columns["amount"].blank_share == pytest.approx(0.2)
    assert columns["amount"].example == "5.5"
    assert columns["kind"].source_types == {}
    assert sample.unused_columns == ("note", "channel")
    assert "quantity" in shop["transactions"].unfilled_columns


def test_derived_table_counts_what_is_kept(shop: dict[str, TableCheck]) -> None:
    sample = shop["customers"].sample
    assert sample is not None
    assert (sum(sample.rows.read.values()), sample.rows.selected, sample.rows.valid) == (5, 3, 3)


def test_json_keys_are_its_columns(shop: dict[str, TableCheck]) -> None:
    sample = shop["support_tickets"].sample
    assert sample is not None
    columns = {column.name: column for column in sample.columns}
    assert sample.unused_columns == ("text",)
    assert columns["satisfaction"].source_types == {"grade": ()}
    assert columns["ticket_id"].source_types == {"id": ("text",)}


def test_broken_line_keeps_its_own_text(shop: dict[str, TableCheck]) -> None:
    sample = shop["support_tickets"].sample
    assert sample is not None
    texts = {reason.reason: reason.raw_text for reason in sample.rows.reasons}
    assert texts["the line is not a JSON object"] == "{broken"


def test_error_of_one_table_names_problem_and_fix(shop: dict[str, TableCheck]) -> None:
    changed = shop["engagement_events"]
    unmapped = shop["campaign_contacts"]
    assert "column time is missing" in changed.errors[0].problem
    assert changed.files is not None
    assert "required column customer_id is missing" in unmapped.errors[0].problem
    assert all(table.errors[0].fix for table in (changed, unmapped))
    assert (changed.sample, unmapped.sample) == (None, None)


def test_profile_without_required_table_is_an_error(checked: SourceCheck) -> None:
    assert "needs the table churn_events" in checked.errors[0].problem
    assert not checked.is_acceptable


def write_day(folder: Path, day: int, *, rows: int, broken: int) -> None:
    """Orders of one day, the first of them without a customer."""
    lines = [
        f"{1000 * day + number},{'' if number < broken else 'ann'},2024-01-{day:02} 10:00:00,9,"
        for number in range(rows)
    ]
    path = folder / "orders" / f"2024-01-{day:02}.csv"
    path.write_text("\n".join(["nr,who,time,total,note", *lines]) + "\n")


@pytest.fixture
def orders_profile(tmp_path: Path) -> Path:
    """Of whose orders 5 % may be quarantined; no orders yet."""
    path = write_source(tmp_path, max_quarantined_share=0.05, tables={"transactions": ORDERS})
    for file in (tmp_path / "orders").iterdir():
        file.unlink()
    return path


def test_too_many_quarantined_rows_are_an_error(
    lake: Lake, tmp_path: Path, orders_profile: Path
) -> None:
    write_day(tmp_path, 2, rows=120, broken=7)
    orders = check(lake, orders_profile, rows=200).tables[0]
    problem = orders.errors[0].problem
    assert "5.8% of the sampled rows would go to quarantine, 5.0% are allowed" in problem


@pytest.mark.parametrize(("broken", "errors"), [(5, 0), (6, 1)])
def test_small_source_may_have_as_many_broken_rows_as_100(
    broken: int, errors: int, lake: Lake, tmp_path: Path, orders_profile: Path
) -> None:
    """As a run over it would allow."""
    write_day(tmp_path, 2, rows=20, broken=broken)
    orders = check(lake, orders_profile).tables[0]
    assert len(orders.errors) == errors


def test_small_sample_of_many_rows_is_judged_by_all(
    lake: Lake, tmp_path: Path, orders_profile: Path
) -> None:
    write_day(tmp_path, 2, rows=200, broken=2)
    orders = check(lake, orders_profile, rows=20).tables[0]
    assert "10.0% of the sampled rows" in orders.errors[0].problem


def test_differing_files_of_a_sample_are_no_error(
    lake: Lake, tmp_path: Path, orders_profile: Path
) -> None:
    for day in range(2, 8):
        write_day(tmp_path, day, rows=60, broken=9 if day == 7 else 0)
    orders = check(lake, orders_profile, files=2).tables[0]
    assert orders.sample is not None
    assert orders.sample.rows.quarantined_share == pytest.approx(0.075)
    assert orders.errors == ()


def test_missing_data_folder_is_refused(lake: Lake, tmp_path: Path) -> None:
    path = write_source(tmp_path, data_dir="nowhere")
    with pytest.raises(ProfileError, match=r"data folder .*nowhere does not exist"):
        check(lake, path)
