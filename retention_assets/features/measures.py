"""What a daily tile counts: one measure per row. tiles.py makes the tiles, and declared/ has the
features.

A measure is a double per customer, event date and arrival date, rounded to four decimals, so that
sums do not depend on the order of addition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from retention_assets.sources.contracts import TABLES

# Tiles hold multiples of 1 / UNITS. Both engines add them as integers, exact in any order.
UNITS = 10_000
ON_WEEKEND = "dayofweek(event_date) IN (1, 7)"


@dataclass(frozen=True)
class Measure:
    """One column of the tiles.

    `kind`: "count" of rows, "sum" of `value`, or number of "distinct" values of `value`. A distinct
    value is counted on the day that its first row arrived, so a late second row of an order
    adds nothing, until a correction takes back its last row. `where` selects the rows. `columns`
    are the table's columns that `value` and `where` read.
    """

    name: str
    meaning: str
    table: str
    kind: Literal["count", "sum", "distinct"]
    value: str = "1"
    where: str = "true"
    columns: tuple[str, ...] = ()


MEASURES: tuple[Measure, ...] = (
    Measure(
        "purchases",
        "Orders with a sale.",
        "transactions",
        "distinct",
        value="order_id",
        where="kind = 'sale'",
        columns=("order_id", "kind"),
    ),
    Measure(
        "revenue",
        "Value sold.",
        "transactions",
        "sum",
        value="amount",
        where="kind = 'sale'",
        columns=("amount", "kind"),
    ),
    Measure(
        "items",
        "Units sold.",
        "transactions",
        "sum",
        value="quantity",
        where="kind = 'sale'",
        columns=("quantity", "kind"),
    ),
    Measure(
        "returns",
        "Orders with a return.",
        "transactions",
        "distinct",
        value="order_id",
        where="kind = 'return'",
        columns=("order_id", "kind"),
    ),
    Measure(
        "return_amount",
        "Value returned.",
        "transactions",
        "sum",
        value="amount",
        where="kind = 'return'",
        columns=("amount", "kind"),
    ),
    Measure(
        "net_revenue",
        "Value sold less value returned.",
        "transactions",
        "sum",
        value="IF(kind = 'return', -amount, amount)",
        columns=("amount", "kind"),
    ),
    Measure(
        "lines",
        "Order lines sold.",
        "transactions",
        "count",
        where="kind = 'sale'",
        columns=("kind",),
    ),
    Measure(
        "weekend_revenue",
        "Value sold on a Saturday or Sunday (UTC).",
        "transactions",
        "sum",
        value="amount",
        where=f"kind = 'sale' AND {ON_WEEKEND}",
        columns=("amount", "kind"),
    ),
    Measure(
        "logins",
        "Logins.",
        "engagement_events",
        "count",
        where="event_type = 'login'",
        columns=("event_type",),
    ),
    Measure(
        "weekend_logins",
        "Logins on a Saturday or Sunday (UTC).",
        "engagement_events",
        "count",
        where=f"event_type = 'login' AND {ON_WEEKEND}",
        columns=("event_type",),
    ),
    Measure(
        "feature_uses",
        "Uses of a feature of the service.",
        "engagement_events",
        "count",
        where="event_type = 'feature_use'",
        columns=("event_type",),
    ),
    Measure(
        "community_posts",
        "Posts in the community.",
        "engagement_events",
        "count",
        where="event_type = 'community_post'",
        columns=("event_type",),
    ),
    Measure(
        "engagement_seconds",
        "Seconds of all engagement events.",
        "engagement_events",
        "sum",
        value="duration_s",
        columns=("duration_s",),
    ),
    Measure(
        "active_days",
        "1 if there was any engagement event on the day.",
        "engagement_events",
        "distinct",
        value="event_date",
    ),
    Measure("tickets", "Support tickets opened.", "support_tickets", "count"),
    Measure(
        "severe_tickets",
        "Support tickets of high severity.",
        "support_tickets",
        "count",
        where="severity = 'high'",
        columns=("severity",),
    ),
    Measure(
        "rated_tickets",
        "Support tickets with a grade from the customer.",
        "support_tickets",
        "count",
        where="satisfaction IS NOT NULL",
        columns=("satisfaction",),
    ),
    Measure(
        "satisfaction_points",
        "Sum of the customer's grades of support tickets.",
        "support_tickets",
        "sum",
        value="satisfaction",
        columns=("satisfaction",),
    ),
    Measure(
        "low_rated_tickets",
        "Support tickets with a grade of 1 or 2.",
        "support_tickets",
        "count",
        where="satisfaction <= 2",
        columns=("satisfaction",),
    ),
    Measure(
        "contacts",
        "Retention contacts received.",
        "campaign_contacts",
        "count",
        where="treated",
        columns=("treated",),
    ),
    Measure(
        "contact_cost",
        "Cost of the retention contacts received.",
        "campaign_contacts",
        "sum",
        value="cost",
        where="treated",
        columns=("cost", "treated"),
    ),
)
MEASURES_BY_NAME: dict[str, Measure] = {measure.name: measure for measure in MEASURES}

SourceTables: TypeAlias = Mapping[str, Any] | Iterable[str]


def source_columns(tables: SourceTables) -> dict[str, frozenset[str]]:
    """Table name -> columns that a source has.

    Takes a profile's `tables`, or only table names, which then have every canonical column.
    """
    if isinstance(tables, Mapping):
        return {name: frozenset(getattr(table, "columns", table)) for name, table in tables.items()}
    return {name: frozenset(TABLES[name].column_names) for name in tables}


def why_measure_missing(measure: Measure, tables: SourceTables) -> str | None:
    """Why a source cannot fill this measure, None if it can."""
    columns = source_columns(tables)
    if measure.table not in columns:
        return f"the source has no {measure.table}"
    missing = [column for column in measure.columns if column not in columns[measure.table]]
    return f"the source has no {measure.table}.{missing[0]}" if missing else None


def available_measures(tables: SourceTables) -> list[Measure]:
    """The measures that a source can fill, in declared order."""
    return [measure for measure in MEASURES if why_measure_missing(measure, tables) is None]
