"""A profile that cannot work is refused at load, with profile, table, column and fix; one that can, is read as written."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from retention_assets.errors import ProfileError, RetentionError
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import (
    changed_range,
    fingerprint,
    newest_day,
    source_files,
)

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
            "source_columns": {"order": "string", "customer": "string", "time": "timestamp", "total": "double"},
            "columns": {
                "transaction_id": "order", "order_id": "order", "customer_id": "customer", "event_ts": "time",
                "kind": "'sale'", "amount": "total",
            },
        },
        "customers": {
            "path": "orders/*.csv", "format": "csv", "derive": "first_seen", "day_from_filename": DAY,
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
    """The good profile with one entry replaced, or taken out where `to` is None."""
    profile = deepcopy(GOOD)
    place = profile
    for name in path[:-1]:
        place = place[name]
    place.pop(path[-1], None)
    if to is not None:
        place[path[-1]] = to
    return profile


def test_a_good_profile_is_read_as_written(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    assert (profile.name, profile.churn.horizon_days, profile.root) == ("shop", 60, tmp_path)
    assert profile.has("transactions") and not profile.has("support_tickets")
    assert str(newest_day(profile)) == "2024-01-05" and len(source_files(profile)) == 4


SALES = ("tables", "transactions")
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
        changed(*SALES, "columns", "colour", to="order"),
        ["transactions", "unknown canonical column colour"],
    ),
    (
        changed(*SALES, "columns", "amount", to="price * 2"),
        ["transactions", "amount", "names price", "source_columns"],
    ),
    (
        changed(*SALES, "source_columns", "total", to="money"),
        ["transactions", "column total", "money is no type", "double"],
    ),
    (changed(*SALES, "day_from_filename", to=r"\d+"), ["transactions", "one group"]),
    (
        changed(*SALES, "path", to="invoices/*.csv"),
        ["transactions", "no file matches invoices/*.csv"],
    ),
    (changed("tables", "customers", to=None), ["churn by inactivity needs the table customers"]),
    (changed("churn", "kind", to="boredom"), ["shop", "churn.kind", "cancellation"]),
    (changed("start", to=None), ["shop", "start", "required"]),
    (changed("color", to="blue"), ["shop", "color"]),
]


@pytest.mark.parametrize(("profile", "says"), REFUSED)
def test_what_cannot_work_is_refused_by_name(
    tmp_path: Path, profile: dict[str, Any], says: list[str]
) -> None:
    with pytest.raises(RetentionError) as refused:
        load_profile(write(tmp_path, profile))
    assert [
        words for words in says if words not in str(refused.value)
    ] == [] and refused.value.fix


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (
            "order,client,time,total",
            ["shop", "table", "column customer is missing", "order, client, time, total"],
        ),
        ("order,customer,time", ["transactions", "column total is missing"]),
    ],
)
def test_files_that_lack_a_declared_column_are_refused_by_name(
    tmp_path: Path, header: str, says: list[str]
) -> None:
    with pytest.raises(RetentionError) as refused:
        load_profile(write(tmp_path, GOOD, header))
    assert [words for words in says if words not in str(refused.value)] == []


def test_a_source_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(ProfileError, match=r"no source profile nosuch.*online_retail, simulated"):
        load_profile(Settings(source="nosuch"))


def test_new_and_changed_days_are_told_from_names_sizes_and_times(tmp_path: Path) -> None:
    profile = load_profile(write(tmp_path, GOOD))
    seen = fingerprint(profile)
    assert changed_range(profile, seen) is None
    (tmp_path / "orders" / "2024-01-05.csv").write_text("order,customer,time,total\n")
    (tmp_path / "orders" / "2024-01-09.csv").write_text("order,customer,time,total\n")
    found = changed_range(profile, seen)
    assert found is not None and [str(day) for day in found] == ["2024-01-05", "2024-01-09"]
    whole = changed_range(profile, None)
    assert whole is not None and [str(day) for day in whole] == ["2024-01-02", "2024-01-09"]
