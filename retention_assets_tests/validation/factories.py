"""Valid rows of every table, to be changed case by case, a platform whose source has them, and what
rows with one key are to each other, by the definition.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from retention_assets.partitions import partitions_of
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.contracts import RAW_COLUMNS, Table
from retention_assets.sources.profile import Churn, Profile, TableSource
from retention_assets.validation.rules import CONFLICT, FACT, REPEAT, STALE

Row = dict[str, Any]
MOMENT = datetime(2024, 1, 5, 9, tzinfo=UTC)
LATER = datetime(2024, 1, 6, 9, tzinfo=UTC)
BEFORE_START = datetime(2023, 6, 1, 9, tzinfo=UTC)
BOOKKEEPING: Row = {
    "event_ts": MOMENT,
    "ingested_ts": MOMENT,
    "stated_ts": MOMENT,
    "arrival_date": date(2024, 1, 5),
    "raw_text": "source text",
    "row_fault": None,
    "parse_errors": [],
    "is_gone": False,
}
VALID_VALUES: dict[str, Row] = {
    "customers": {
        "plan": "basic",
        "country": "AT",
        "acquisition_channel": "social",
        "birth_year": 1980,
        "email_opt_in": True,
    },
    "transactions": {"order_id": "o", "kind": "sale", "amount": 5.0, "quantity": 1.0},
    "support_tickets": {"category": "billing", "severity": "low", "satisfaction": 3},
    "engagement_events": {"event_type": "login", "duration_s": 60.0},
    "churn_events": {"churn_type": "canceled", "reason": "price"},
    "churn_labels": {"churned": True},
    "campaign_contacts": {
        "campaign": "spring",
        "channel": "mail",
        "treated": True,
        "randomized": True,
        "propensity": 0.5,
        "cost": 1.0,
    },
    "fraud_reports": {"transaction_id": "t", "reported_by": "bank", "is_fraud": True},
}


def make_row(table: Table, number: int, changes: Row) -> Row:
    """A valid row with a unique key, changed. Its file name ends with its number."""
    names = {name: f"{name}-{number}" for name in (*table.key, "customer_id") if name != "event_ts"}
    return {
        **dict.fromkeys(table.column_names),
        **VALID_VALUES[table.name],
        **BOOKKEEPING,
        **names,
        "source_file": f"file-{number}",
        **changes,
    }


def raw_schema(table: Table) -> str:
    """The columns of raw/<table>."""
    return ", ".join(f"{column.name} {column.type}" for column in (*table.columns, *RAW_COLUMNS))


def transactions_platform(
    folder: Path, allowed_share: float = 0.05, as_of: date | None = None, live: bool = False
) -> Platform:
    """A platform whose source has only transactions, in a file per day of January 2024."""
    orders = TableSource(
        path="orders/*.csv", format="csv", day_from_filename=r"(\d{4}-\d{2}-\d{2})\.csv"
    )
    start = date(2024, 1, 1)
    profile = Profile(
        name="shop",
        start=start,
        end=None if live else date(2024, 1, 31),
        live=live,
        churn=Churn(kind="inactivity"),
        max_quarantined_share=allowed_share,
        tables={"transactions": orders},
        root=folder,
    )
    return Platform(
        Settings(home=folder / "home", as_of=as_of), profile, partitions_of(start, profile.end)
    )


def versions_of(rows: Iterable[Row]) -> dict[str, str]:
    """`raw_text` -> what the row is among the rows with its `key`, each of which has a `content`.

    A row is a fact if another content holds once it has arrived than before, by the order of
    versions applied to all rows that are known by then.
    """
    by_key = defaultdict(list)
    for row in rows:
        by_key[row["key"]].append(row)
    return {
        row["raw_text"]: version
        for of_key in by_key.values()
        for row, version in versions_of_key(of_key)
    }


def versions_of_key(rows: list[Row]) -> Iterable[tuple[Row, str]]:
    def moment(row: Row) -> tuple[datetime, datetime]:
        return row["ingested_ts"], row["stated_ts"]

    in_order = sorted(rows, key=lambda row: (moment(row), row["source_file"], row["raw_text"]))
    for place, row in enumerate(in_order):
        before = [other for other in rows if moment(other) < moment(row)]
        at_once = [other for other in rows if moment(other) == moment(row)]
        current = max(before, key=rank, default=None)
        holds = max(before + at_once, key=rank)
        same = [other for other in in_order[:place] if other["content"] == row["content"]]
        is_taken = moment(holds) == moment(row) and holds["content"] == row["content"]
        is_copy = any(moment(other) == moment(row) for other in same)
        if is_taken and not is_copy and (current is None or current["content"] != row["content"]):
            yield row, FACT
        elif is_taken or same:
            yield row, REPEAT
        elif any(other["content"] > row["content"] for other in at_once):
            yield row, CONFLICT
        else:
            yield row, STALE


def rank(row: Row) -> tuple[datetime, datetime, int]:
    return row["stated_ts"], row["ingested_ts"], row["content"]
