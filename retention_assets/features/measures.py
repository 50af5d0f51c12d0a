"""What a daily tile counts, as data: one measure a row. How tiles are made is in `tiles.py`; no feature is declared here.

A measure is a double per customer, event date and known date, kept to four decimals, so that sums do not depend on
the order in which they are added.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from retention_assets.sources.contracts import TABLES

# Tiles hold multiples of 1 / UNITS: both engines add them as integers, which is exact in any order.
UNITS = 10_000


@dataclass(frozen=True)
class Measure:
    """One column of the tiles.

    `kind`: "count" of rows, "sum" of `value`, or number of "distinct" values of `value` (a value is counted on the day
    that its first row became known, so that a late second row of one order adds nothing). `where` picks the rows.
    """

    name: str
    table: str
    kind: Literal["count", "sum", "distinct"]
    value: str = "1"
    where: str = "true"
    columns: tuple[str, ...] = ()


MEASURES: tuple[Measure, ...] = (
    Measure(
        "purchases", "transactions", "distinct", "order_id", "kind = 'sale'", ("order_id", "kind")
    ),
    Measure("revenue", "transactions", "sum", "amount", "kind = 'sale'", ("amount", "kind")),
    Measure("items", "transactions", "sum", "quantity", "kind = 'sale'", ("quantity", "kind")),
    Measure(
        "returns", "transactions", "distinct", "order_id", "kind = 'return'", ("order_id", "kind")
    ),
    Measure(
        "return_amount", "transactions", "sum", "amount", "kind = 'return'", ("amount", "kind")
    ),
    Measure(
        "net_revenue",
        "transactions",
        "sum",
        "IF(kind = 'return', -amount, amount)",
        columns=("amount", "kind"),
    ),
    Measure(
        "logins",
        "engagement_events",
        "count",
        where="event_type = 'login'",
        columns=("event_type",),
    ),
    Measure(
        "feature_uses",
        "engagement_events",
        "count",
        where="event_type = 'feature_use'",
        columns=("event_type",),
    ),
    Measure(
        "community_posts",
        "engagement_events",
        "count",
        where="event_type = 'community_post'",
        columns=("event_type",),
    ),
    Measure(
        "engagement_seconds", "engagement_events", "sum", "duration_s", columns=("duration_s",)
    ),
    Measure("active_days", "engagement_events", "distinct", "event_date"),
    Measure("tickets", "support_tickets", "count"),
    Measure(
        "severe_tickets",
        "support_tickets",
        "count",
        where="severity = 'high'",
        columns=("severity",),
    ),
    Measure(
        "rated_tickets",
        "support_tickets",
        "count",
        where="satisfaction IS NOT NULL",
        columns=("satisfaction",),
    ),
    Measure(
        "satisfaction_points", "support_tickets", "sum", "satisfaction", columns=("satisfaction",)
    ),
    Measure("contacts", "campaign_contacts", "count", where="treated", columns=("treated",)),
)
MEASURES_BY_NAME: dict[str, Measure] = {measure.name: measure for measure in MEASURES}

Tables: TypeAlias = Mapping[str, Any] | Iterable[str]


def source_columns(tables: Tables) -> dict[str, frozenset[str]]:
    """What a source has: table name -> columns. Takes a profile's `tables`, or bare names (then every canonical column)."""
    if isinstance(tables, Mapping):
        return {name: frozenset(getattr(table, "columns", table)) for name, table in tables.items()}
    return {name: frozenset(TABLES[name].column_names) for name in tables}


def why_measure_missing(measure: Measure, tables: Tables) -> str | None:
    """Why a source cannot fill this measure, None when it can."""
    source = source_columns(tables)
    if measure.table not in source:
        return f"the source has no {measure.table}"
    missing = [column for column in measure.columns if column not in source[measure.table]]
    return f"the source has no {measure.table}.{missing[0]}" if missing else None


def available_measures(tables: Tables) -> list[Measure]:
    """The measures that a source can fill, in declared order."""
    return [measure for measure in MEASURES if why_measure_missing(measure, tables) is None]
