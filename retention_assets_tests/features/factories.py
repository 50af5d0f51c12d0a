"""Facts for feature tests: tiles and customers as plain rows, and as Spark frames; and what single
customers did, for tests of states and labels.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from retention_assets import keys
from retention_assets.features.measures import MEASURES
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import ACQUISITION_CHANNELS, PLANS

START = date(2024, 1, 1)
MEASURE_NAMES = [measure.name for measure in MEASURES]
TILES_SCHEMA = "customer_id string, event_date date, arrival_date date, " + ", ".join(
    f"{name} double" for name in MEASURE_NAMES
)
CUSTOMERS_SCHEMA = (
    "customer_id string, event_ts timestamp, ingested_ts timestamp, stated_ts timestamp,"
    " replaced_on date, plan string, acquisition_channel string, email_opt_in boolean"
)

# What a customer did, when, when it was reported (nothing: at once), on which day it was replaced.
Fact = tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """Rows of features/daily_activity and of validated/customers."""

    tiles: list[dict[str, Any]]
    customers: list[dict[str, Any]]


def tile(customer_id: str, day: int, late: int = 0, **measures: float) -> dict[str, Any]:
    """A tile of START + day that arrived `late` days later; unnamed measures are 0."""
    event_date = START + timedelta(days=day)
    row: dict[str, Any] = {
        "customer_id": customer_id,
        "event_date": event_date,
        "arrival_date": event_date + timedelta(days=late),
    }
    values = {name: float(value) for name, value in measures.items()}
    return row | dict.fromkeys(MEASURE_NAMES, 0.0) | values


def customer(
    customer_id: str, day: int, late: int = 0, *, replaced: int | None = None, **attributes: Any
) -> dict[str, Any]:
    """A row of validated/customers: a sign-up, or a change, at noon of START + day, which holds no
    longer from START + `replaced` on.
    """
    moment = datetime.combine(START + timedelta(days=day), time(12), UTC)
    known = {"plan": None, "acquisition_channel": None, "email_opt_in": None} | attributes
    return {
        "customer_id": customer_id,
        "event_ts": moment,
        "ingested_ts": moment + timedelta(days=late),
        "stated_ts": moment,
        "replaced_on": None if replaced is None else START + timedelta(days=replaced),
        **known,
    }


def random_facts(customers: int, days: int, seed: int) -> Facts:
    """Customers who sign up, change plans, buy, return and go silent at random, some rows late.

    Some of what they did is taken back later, as by a correction.
    """
    rng = random.Random(seed)
    # By themselves: a new measure changes neither who the customers are nor when they do anything.
    amounts = random.Random(seed)
    facts = Facts([], [])
    for number in range(customers):
        name = f"C{number:04d}"
        joined = rng.randrange(-40, days)
        changes = [rng.randrange(joined, days + 1) for _ in range(rng.choice([0, 0, 1, 2]))]
        facts.customers.extend(_random_customer(rng, name, day) for day in [joined, *changes])
        active_days = {
            rng.randrange(max(joined, 0), days) for _ in range(rng.choice([0, 1, 4, 15]))
        }
        for day in sorted(active_days):
            for late in {0, rng.choice([0, 0, 3])}:
                values = {
                    measure: amounts.choice([0, 0, 1, 2.5, 19.99, 0.0001])
                    for measure in MEASURE_NAMES
                }
                facts.tiles.append(tile(name, day, late, **values))
                if rng.random() < 0.2:
                    taken_back = {measure: -value for measure, value in values.items()}
                    facts.tiles.append(tile(name, day, late + rng.choice([1, 40]), **taken_back))
    return facts


def _random_customer(rng: random.Random, name: str, day: int) -> dict[str, Any]:
    return customer(
        name,
        day,
        late=rng.choice([0, 0, 3]),
        replaced=rng.choice([None, None, None, day + 3, day + 60]),
        plan=rng.choice([*PLANS, None]),
        acquisition_channel=rng.choice([*ACQUISITION_CHANNELS, None]),
        email_opt_in=rng.choice([True, False, None]),
    )


def frames(spark: Any, facts: Facts) -> tuple[Any, Any]:
    """The tiles and the customers as Spark frames."""
    tiles = spark.createDataFrame(facts.tiles, TILES_SCHEMA)
    customers = spark.createDataFrame(facts.customers, CUSTOMERS_SCHEMA)
    return tiles, customers


def write_facts(lake: Lake, facts: Facts, watermark: date) -> None:
    """Makes the lake hold the facts, none of which was replaced, and whatever else states need."""
    tiles, customers = frames(lake.spark, facts)
    rows = customers.drop("replaced_on").selectExpr("*", "false is_correction", "false is_gone")
    lake.overwrite(keys.DAILY_ACTIVITY, tiles)
    lake.overwrite(keys.CUSTOMERS, rows)
    lake.overwrite(keys.WATERMARK, lake.spark.createDataFrame([(watermark,)], "watermark date"))
    nothing = rows.selectExpr("*", "'sale' kind", "'T1' transaction_id").where("false")
    for table in ("churn_events", "transactions"):
        lake.overwrite(keys.validated(table), nothing)


def fact_rows(spark: Any, facts: Mapping[str, Sequence[Fact]]) -> Any:
    """A frame with a row per fact of each customer, with what was done as its `kind`."""
    rows = [
        (who, what, when, *(later[:1] or [when]), *(later[1:] or [None]))
        for who, events in facts.items()
        for what, when, *later in events
    ]
    names = ("customer_id", "kind", "event_ts", "ingested_ts", "replaced_on")
    frame = spark.createDataFrame(rows, ", ".join(f"{name} string" for name in names))
    times = ("event_ts::timestamp", "ingested_ts::timestamp", "replaced_on::date")
    return frame.selectExpr("customer_id", "kind", *times)


def history_frames(spark: Any, facts: Mapping[str, Sequence[Fact]]) -> dict[str, Any]:
    """Customers, cancellations and transactions of facts: sign-up, premium (the plan), no plan,
    opt-out, cancel, sale and return.
    """
    rows = fact_rows(spark, facts)
    plan = "CASE kind WHEN 'premium' THEN 'premium' WHEN 'no plan' THEN NULL ELSE 'basic' END plan"
    attributes = (plan, "kind != 'opt-out' email_opt_in")
    customers = rows.where("kind IN ('sign-up', 'premium', 'no plan', 'opt-out')")
    return {
        "customers": customers.selectExpr("*", *attributes),
        "cancellations": rows.where("kind = 'cancel'"),
        "transactions": rows.where("kind IN ('sale', 'return')"),
    }
