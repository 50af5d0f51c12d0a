"""Versions of a key: what holds in the end does not depend on how or in which order the source's
rows are delivered, if the source stamps them.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import split
from retention_assets.validation.versions import with_replacement
from retention_assets_tests.validation.factories import make_row, raw_schema

Row = dict[str, Any]
TABLE = TABLES["support_tickets"]
RULES = rules_of(TABLE, date(2024, 1, 1))
OPENED = datetime(2024, 1, 2, 9, tzinfo=UTC)
CUT = date(2024, 1, 12)


def random_versions(ticket: str, rng: random.Random) -> Iterator[Row]:
    """What a source says of a ticket at different moments; some of it twice."""
    for hours in rng.sample(range(24 * 10), k=rng.randrange(1, 6)):
        stated = OPENED + timedelta(hours=hours)
        row = {"ticket_id": ticket, "event_ts": OPENED, "stated_ts": stated}
        row["severity"] = rng.choice(["low", "medium", "high"])
        for copy in range(rng.choice([1, 1, 2])):
            yield make_row(TABLE, copy, row | {"customer_id": "ann"})


def delivered(lake: Lake, rows: list[Row], rng: random.Random, late_days: int) -> DataFrame:
    """The rows as they arrive up to so many days late, in any order."""
    arrivals = []
    for row in rows:
        ingested = row["stated_ts"] + timedelta(days=rng.randint(0, late_days))
        arrivals.append(row | {"ingested_ts": ingested, "arrival_date": ingested.date()})
    return lake.spark.createDataFrame(arrivals, raw_schema(TABLE))


def facts_of(frame: DataFrame, earlier: DataFrame | None = None) -> list[Row]:
    parts = split(frame, TABLE.key, RULES, earlier)
    rows = [row.asDict() for row in parts.valid.collect()]
    parts.release()
    return rows


def severities(lake: Lake, facts: list[Row]) -> dict[str, str]:
    """Ticket -> the severity that holds in the end."""
    schema = f"{raw_schema(TABLE)}, is_correction boolean"
    current = with_replacement(lake.spark.createDataFrame(facts, schema), TABLE.key)
    rows = current.where("replaced_on IS NULL").select("ticket_id", "severity").collect()
    assert len(rows) == len({row["ticket_id"] for row in rows})
    return dict(map(tuple, rows))


def test_current_version_does_not_depend_on_the_delivery(lake: Lake) -> None:
    rng = random.Random(3)
    rows = [row for number in range(150) for row in random_versions(f"t{number}", rng)]
    in_order = sorted(rows, key=lambda row: row["stated_ts"])
    expected = {row["ticket_id"]: row["severity"] for row in in_order}
    in_time = facts_of(delivered(lake, rows, rng, late_days=0))
    assert severities(lake, in_time) == expected
    late = delivered(lake, rows, rng, late_days=9).persist()
    at_once = facts_of(late)
    assert severities(lake, at_once) == expected
    is_later = F.col("arrival_date") >= F.lit(CUT)
    in_two_runs = [
        *facts_of(late.where(~is_later)),
        *facts_of(late.where(is_later), late.where(~is_later)),
    ]
    assert sorted(map(str, in_two_runs)) == sorted(map(str, at_once))
    late.unpersist()
