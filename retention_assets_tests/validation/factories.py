"""Rows made up for tests of validation: sound ones of every table, to be changed case by case, and a source that has them."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from retention_assets.partitions import partitions_of
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.contracts import RAW_COLUMNS, Table
from retention_assets.sources.profile import Churn, Profile, TableSource

Row = dict[str, Any]
MOMENT, LATER, LONG_AGO = (
    datetime(*day, 9, tzinfo=UTC) for day in ((2024, 1, 5), (2024, 1, 6), (2023, 6, 1))
)
KNOWN: Row = {
    "event_ts": MOMENT,
    "ingested_ts": MOMENT,
    "event_date": date(2024, 1, 5),
    "raw_text": "as it came",
    "parse_errors": [],
}
SOUND: dict[str, Row] = {
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
    "campaign_contacts": {
        "campaign": "spring",
        "channel": "mail",
        "treated": True,
        "randomized": True,
        "cost": 1.0,
    },
    "fraud_reports": {"transaction_id": "t", "reported_by": "bank", "is_fraud": True},
}


def row(table: Table, at: int, changes: Row) -> Row:
    """A sound row with a key of its own, changed. Its file tells which one it is."""
    names = {name: f"{name}-{at}" for name in (*table.key, "customer_id") if name != "event_ts"}
    return {
        **dict.fromkeys(table.column_names),
        **SOUND[table.name],
        **KNOWN,
        **names,
        "source_file": f"file-{at}",
        **changes,
    }


def schema(table: Table) -> str:
    """The columns of raw/<table>."""
    return ", ".join(f"{column.name} {column.type}" for column in (*table.columns, *RAW_COLUMNS))


def shop(
    folder: Path, allowed_share: float = 0.05, as_of: date | None = None, live: bool = False
) -> Platform:
    """A platform whose source has transactions only, in a file for each day of arrival in January 2024."""
    orders = TableSource(
        path="orders/*.csv", format="csv", day_from_filename=r"(\d{4}-\d{2}-\d{2})\.csv"
    )
    start, end = date(2024, 1, 1), date(2024, 1, 31)
    profile = Profile(
        name="shop", start=start, end=None if live else end, live=live, churn=Churn(kind="inactivity"),
        max_quarantined_share=allowed_share, tables={"transactions": orders}, root=folder,
    )  # fmt: skip
    return Platform(
        Settings(home=folder / "home", as_of=as_of), profile, partitions_of(start, profile.end)
    )
