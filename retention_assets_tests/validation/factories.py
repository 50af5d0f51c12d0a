"""Valid rows of every table, to be changed case by case, and a platform whose source has them."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from retention_assets.partitions import partitions_of
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.contracts import RAW_COLUMNS, Table
from retention_assets.sources.profile import Churn, Profile, TableSource

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
