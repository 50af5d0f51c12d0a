"""The facts that features are read from, once for each reading of each audited example. Frames in
and out.

In these frames an example's customer has a name of its own per reading, so that the engine computes
all readings in one pass.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.point_in_time import known_at
from retention_assets.features.tiles import KEYS
from retention_assets.validation.versions import MOMENT, REPLACED_ON

KNOWN = "known"  # what was known on the example's day; later facts are not even in the frames
ALL = "all"  # everything that is known today
REPLAYED = "replayed"  # everything, and a backfill of earlier facts that arrives on that day
IN_TIME = "in time"  # everything, and the same backfill a day earlier, so that it counts
READINGS = (KNOWN, ALL, REPLAYED, IN_TIME)
DAYS_EARLY: Mapping[str, int] = {REPLAYED: 0, IN_TIME: 1}
# What a backfill adds to each measure, so many days before the example. It also takes all earlier
# tiles back, and says that the customer signed up earlier and has no known attribute.
ADDED = 3.0
ADDED_DAYS = (1, 40, 100)
SIGN_UP_EARLIER = "INTERVAL 30 DAYS"


def name_of(reading: str, as_of: date, customer_id: str) -> str:
    """The customer's name in this reading of an example."""
    return f"{reading}|{as_of}|{customer_id}"


def tiles_by_reading(tiles: DataFrame, examples: DataFrame) -> DataFrame:
    """Tiles under the names of all readings. `examples`: customer_id and day."""
    measures = [name for name in tiles.columns if name not in KEYS]
    of_examples = tiles.join(examples, "customer_id")
    is_known = (F.col("event_date") < F.col("day")) & (F.col("arrival_date") < F.col("day"))
    stored = _each_reading(of_examples, {KNOWN: is_known})
    taken_back = of_examples.where(is_known).withColumns({name: -F.col(name) for name in measures})
    earlier = F.explode(F.array(*[F.date_sub("day", days) for days in ADDED_DAYS]))
    added = examples.withColumns(
        {"event_date": earlier} | {name: F.lit(ADDED) for name in measures}
    )
    backfills = [
        rows.withColumns({"reading": F.lit(reading), "arrival_date": F.date_sub("day", days)})
        for reading, days in DAYS_EARLY.items()
        for rows in (taken_back, added)
    ]
    return _named(reduce(DataFrame.unionByName, [stored, *backfills]))


def customers_by_reading(
    customers: DataFrame, examples: DataFrame, attributes: Sequence[str]
) -> DataFrame:
    """Rows of `versions.with_replacement` under the names of all readings."""
    of_examples = customers.select("customer_id", "event_ts", *MOMENT, REPLACED_ON, *attributes)
    of_examples = of_examples.join(examples, "customer_id")
    is_known = known_at(F.col("day"), F.col("day"))
    is_replaced_later = F.col(REPLACED_ON) >= F.col("day")
    stored = _each_reading(of_examples, {KNOWN: is_known})
    known_replacement = F.when(~is_replaced_later, F.col(REPLACED_ON))
    stored = stored.withColumn(
        REPLACED_ON,
        F.when(F.col("reading") == KNOWN, known_replacement).otherwise(F.col(REPLACED_ON)),
    )
    nothing = {name: F.lit(None).cast(customers.schema[name].dataType) for name in attributes}
    times = [F.expr(f"event_ts - {SIGN_UP_EARLIER}"), F.expr("day - INTERVAL 1 SECOND")]
    planted = of_examples.where(is_known).withColumns(
        {"event_ts": F.explode(F.array(*times)), REPLACED_ON: F.lit(None).cast("date")} | nothing
    )
    backfills = [
        planted.withColumns(
            {
                "reading": F.lit(reading),
                **{name: F.date_sub("day", days).cast("timestamp") for name in MOMENT},
            }
        )
        for reading, days in DAYS_EARLY.items()
    ]
    return _named(reduce(DataFrame.unionByName, [stored, *backfills]))


def _each_reading(facts: DataFrame, conditions: Mapping[str, Column]) -> DataFrame:
    """The facts once per reading, with its name; of some readings only those that they may know."""
    readings = [
        F.when(conditions[name], F.lit(name)) if name in conditions else F.lit(name)
        for name in READINGS
    ]
    return facts.withColumn("reading", F.explode(F.array_compact(F.array(*readings))))


def _named(facts: DataFrame) -> DataFrame:
    name = F.concat_ws("|", "reading", F.col("day").cast("string"), "customer_id")
    return facts.withColumn("customer_id", name).drop("reading", "day")
