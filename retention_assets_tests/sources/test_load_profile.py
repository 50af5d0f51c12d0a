"""A profile that cannot work is refused at load, with profile, table, column and fix."""

from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from retention_assets.errors import ProfileError, RetentionError
from retention_assets.settings import Settings
from retention_assets.sources.ledger import READ, Ledger, State, new_entries
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import SourceFile, newest_day, source_files

DAY = r"(\d{4}-\d{2}-\d{2})\.csv"
GOOD: dict[str, Any] = {
    "start": "2024-01-01",
    "end": "2024-12-31",
    "churn": {"kind": "inactivity", "horizon_days": 60},
    "tables": {
        "transactions": {
            "path": "orders/*.csv",
            "format": "csv",
            "day_from_filename": DAY,
            "source_columns": {
                "order": "string", "customer": "string", "time": "timestamp", "total": "double",
            },
            "columns": {
                "transaction_id": "order", "order_id": "order", "customer_id": "customer",
                "event_ts": "time", "kind": "'sale'", "amount": "total",
            },
        },
        "customers": {
            "path": "orders/*.csv",
            "format": "csv",
            "derive": "first_seen",
            "day_from_filename": DAY,
            "source_columns": {"customer": "string", "time": "timestamp"},
            "columns": {"customer_id": "customer", "event_ts": "time"},
        },
    },
}  # fmt: skip


def write(
    folder: Path, profile: dict[str, Any], header: str = "order,customer,time,total"
) -> Settings:
    orders = folder / "orders"
    orders.mkdir(exist_ok=True)
    for day in ("2024-01-02", "2024-01-05"):
        (orders / f"{day}.csv").write_text(f"{header}\n1,ann,{day} 10:00:00,5.0\n")
    (folder / "shop.yaml").write_text(yaml.safe_dump(profile))
    return Settings(home=folder / "home", source=str(folder / "shop.yaml"), data_dir=None)


def changed(*path: str, to: Any) -> dict[str, Any]:
    """The good profile with one entry replaced, or removed if `to` is None."""
    profile = deepcopy(GOOD)
    place = profile
    for name in path[:-1]:
        place = place[name]
    place.pop(path[-1], None)
    if to is not None:
        place[path[-1]] = to
    return profile


def test_valid_profile_is_read_as_written(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    assert (profile.name, profile.churn.horizon_days, profile.root) == ("shop", 60, tmp_path)
    assert profile.has("transactions") and not profile.has("support_tickets")
    files = source_files(profile)
    assert str(newest_day(profile, files)) == "2024-01-05" and len(files) == 4


SALES = ("tables", "transactions")
OUTCOMES: dict[str, Any] = {
    "path": "orders/*.csv",
    "format": "csv",
    "source_columns": {"customer": "string", "time": "timestamp", "total": "double"},
    "columns": {"customer_id": "customer", "event_ts": "time", "churned": "total"},
}


def labeled(**columns: str | None) -> dict[str, Any]:
    """The good profile with a table of given outcomes; some of its columns changed or removed."""
    kept = {name: sql for name, sql in (OUTCOMES["columns"] | columns).items() if sql}
    profile = changed("churn", "kind", to="label")
    profile["tables"]["churn_labels"] = OUTCOMES | {"columns": kept}
    return profile


def test_profile_with_given_labels_is_read(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, labeled()))
    assert profile.churn.kind == "label" and profile.has("churn_labels")


REFUSED: list[tuple[dict[str, Any], list[str]]] = [
    (
        changed("tables", "refunds", to={"path": "x"}),
        ["shop", "unknown table refunds", "transactions"],
    ),
    (
        changed(*SALES, "columns", "amount", to=None),
        ["shop", "transactions", "amount is missing", "transactions.columns.amount"],
    ),
    (
        changed(*SALES, "columns", "shade", to="order"),
        ["transactions", "unknown canonical column shade"],
    ),
    (
        changed(*SALES, "columns", "amount", to="price * 2"),
        ["transactions", "amount", "names price", "source_columns"],
    ),
    (
        changed(*SALES, "source_columns", "total", to="money"),
        ["transactions", "column total", "money is not a type", "double"],
    ),
    (changed(*SALES, "day_from_filename", to=r"\d+"), ["transactions", "one group"]),
    (
        changed(*SALES, "path", to="invoices/*.csv"),
        ["transactions", "no file matches invoices/*.csv"],
    ),
    (changed("tables", "customers", to=None), ["churn by inactivity needs the table customers"]),
    (
        changed("churn", "kind", to="label"),
        ["churn by label", "tables.churn_labels with the columns customer_id, event_ts, churned"],
    ),
    (
        labeled(churned=None),
        ["churn_labels", "required column churned is missing", "columns.churned"],
    ),
    (labeled(event_ts="as_of"), ["churn_labels", "column event_ts", "names as_of"]),
    (labeled(outcome="total"), ["churn_labels", "unknown canonical column outcome", "churned"]),
    (changed("churn", "column", to="total"), ["shop", "churn.column"]),
    (changed("churn", "kind", to="boredom"), ["shop", "churn.kind", "cancellation"]),
    (changed("start", to=None), ["shop", "start", "required"]),
    (changed("color", to="blue"), ["shop", "color"]),
    (
        changed("tables", "customers", "changed_files", to="replace"),
        ["shop", "customers", "first_seen takes no row back"],
    ),
]


@pytest.mark.parametrize(("profile", "messages"), REFUSED)
def test_invalid_profile_is_refused_by_name(
    tmp_path: Path, profile: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(RetentionError) as refused:
        load_profile(write(tmp_path, profile))
    assert [text for text in messages if text not in str(refused.value)] == []
    assert refused.value.fix


@pytest.mark.parametrize(
    ("header", "messages"),
    [
        (
            "order,client,time,total",
            ["shop", "table", "column customer is missing", "order, client, time, total"],
        ),
        ("order,customer,time", ["transactions", "column total is missing"]),
    ],
)
def test_files_without_a_declared_column_are_refused(
    tmp_path: Path, header: str, messages: list[str]
) -> None:
    with pytest.raises(RetentionError) as refused:
        load_profile(write(tmp_path, GOOD, header))
    assert [text for text in messages if text not in str(refused.value)] == []


def test_table_whose_files_are_all_archived_is_accepted(tmp_path: Path) -> None:
    """But only in a home that has read them."""
    settings = write(tmp_path, GOOD)
    profile = load_profile(settings)
    ledger = Ledger(settings.lake_root)
    states: dict[SourceFile, State] = dict.fromkeys(source_files(profile), READ)
    entries = new_entries(profile, states, ledger.content(), run_id="run")
    for file in (tmp_path / "orders").iterdir():
        file.unlink()
    with pytest.raises(ProfileError, match="no file matches"):
        load_profile(settings)
    ledger.add(entries)
    assert load_profile(settings) == profile


def test_unknown_source_names_the_known_ones() -> None:
    with pytest.raises(ProfileError, match=r"no source profile nosuch.*online_retail, simulated"):
        load_profile(Settings(source="nosuch"))


def test_simulated_source_ends_with_its_last_simulated_day(tmp_path: Path) -> None:
    def load(days: int) -> Profile:
        return load_profile(Settings(home=tmp_path, source="simulated", simulated_days=days))

    assert str(load(400).end) == "2025-02-03"
    assert str(load(500).end) == "2025-05-14"


def test_simulated_profile_may_state_its_own_end(tmp_path: Path) -> None:
    content = {"start": "2024-01-01", "end": "2025-12-31", "churn": {"kind": "cancellation"}}
    tables = {name: {"path": f"{name}/*"} for name in ("customers", "churn_events")}
    (tmp_path / "own.yaml").write_text(
        yaml.safe_dump(content | {"name": "simulated", "tables": tables})
    )
    profile = load_profile(Settings(home=tmp_path, source=str(tmp_path / "own.yaml")))
    assert profile.is_simulated and str(profile.end) == "2025-12-31"


STREAM = {"kind": "folder", "tables": ["transactions"]}


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (STREAM | {"kind": "queue"}, "stream.kind"),
        (STREAM | {"tables": ["orders"]}, "stream.tables names orders"),
        (STREAM | {"tables": ["customers"]}, "customers cannot be streamed"),
        (STREAM | {"path": "/data"}, "stream.path /data is absolute"),
        (STREAM | {"day_from_filename": "day"}, "stream.day_from_filename"),
    ],
)
def test_stream_that_cannot_work_is_refused(
    tmp_path: Path, stream: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ProfileError, match=problem):
        load_profile(write(tmp_path, GOOD | {"stream": stream}))


def test_landed_files_are_files_of_their_table(tmp_path: Path) -> None:
    settings = write(tmp_path, GOOD | {"stream": STREAM})
    folder = settings.stream_dir / "landed" / "transactions"
    folder.mkdir(parents=True)
    (folder / "2024-01-06.jsonl").write_text("")
    profile = load_profile(settings)
    names = [profile.name_of(file.path) for file in source_files(profile)]
    assert "stream/landed/transactions/2024-01-06.jsonl" in names
    assert newest_day(profile, source_files(profile)) == date(2024, 1, 6)
    without = load_profile(write(tmp_path, GOOD))
    assert {file.path.suffix for file in source_files(without)} == {".csv"}
