"""Small worlds of facts for feature tests: tiles and customers as plain rows, and as the frames that Spark reads."""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from retention_assets.features.measures import MEASURES
from retention_assets.sources.contracts import CHANNELS, PLANS

START = date(2024, 1, 1)
NAMES = [measure.name for measure in MEASURES]
TILES_SCHEMA = "customer_id string, event_date date, known_date date, " + ", ".join(
    f"{name} double" for name in NAMES
)
CUSTOMERS_SCHEMA = "customer_id string, event_ts timestamp, ingested_ts timestamp, plan string, acquisition_channel string, email_opt_in boolean"


@dataclass(frozen=True)
class World:
    tiles: list[dict[str, Any]]
    customers: list[dict[str, Any]]


def tile(customer_id: str, day: int, known: int = 1, **measures: float) -> dict[str, Any]:
    """A tile of START + day that was known `known` days later; measures that are not named are 0."""
    event_date = START + timedelta(days=day)
    row: dict[str, Any] = {
        "customer_id": customer_id,
        "event_date": event_date,
        "known_date": event_date + timedelta(days=known),
    }
    return (
        row | dict.fromkeys(NAMES, 0.0) | {name: float(value) for name, value in measures.items()}
    )


def customer(customer_id: str, day: int, late: int = 0, **attributes: Any) -> dict[str, Any]:
    """A row of validated/customers: a sign-up, or a change, at noon of START + day."""
    moment = datetime.combine(START + timedelta(days=day), time(12), UTC)
    known = {"plan": None, "acquisition_channel": None, "email_opt_in": None} | attributes
    return {
        "customer_id": customer_id,
        "event_ts": moment,
        "ingested_ts": moment + timedelta(days=late),
        **known,
    }


def random_world(customers: int, days: int, seed: int) -> World:
    """Customers who sign up, change plans, buy, return and go silent at random; some rows arrive late."""
    rng = random.Random(seed)
    made = World([], [])
    for number in range(customers):
        name, joined = f"C{number:04d}", rng.randrange(-40, days)
        for day in [
            joined,
            *(rng.randrange(joined, days + 1) for _ in range(rng.choice([0, 0, 1, 2]))),
        ]:
            plan, channel = rng.choice([*PLANS, None]), rng.choice([*CHANNELS, None])
            late = rng.choice([0, 0, 3])
            made.customers.append(
                customer(
                    name,
                    day,
                    late,
                    plan=plan,
                    acquisition_channel=channel,
                    email_opt_in=rng.choice([True, False, None]),
                )
            )
        for day in sorted(
            {rng.randrange(max(joined, 0), days) for _ in range(rng.choice([0, 1, 4, 15]))}
            if joined < days
            else []
        ):
            for known in {1, rng.choice([1, 1, 4])}:
                values = {name: rng.choice([0, 0, 1, 2.5, 19.99, 0.0001]) for name in NAMES}
                made.tiles.append(tile(name, day, known, **values))
    return made


def frames(spark: Any, world: World) -> tuple[Any, Any]:
    return spark.createDataFrame(world.tiles, TILES_SCHEMA), spark.createDataFrame(
        world.customers, CUSTOMERS_SCHEMA
    )
