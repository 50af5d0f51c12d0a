"""Versions of a key: of the rows that name one fact, which say something new, and how long each of
these holds.

Versions are ordered by when the source stated them, then by when the platform learned of them, then
by content; the last one known at t holds at t. What a row is never depends on later arrivals.
Frames in, frames out.
"""

from collections.abc import Callable, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.rules import CONFLICT, FACT, REPEAT, STALE, VERSION

CONTENT = "_content"  # what a row says, as a number
IS_CORRECTION = "is_correction"
IS_GONE = "is_gone"
REPLACED_ON = "replaced_on"
MOMENT = ("ingested_ts", "stated_ts")


def with_versions(rows: DataFrame, key: Sequence[str]) -> DataFrame:
    """Adds `_version`, and `is_correction`: whether the row replaces another one.

    `rows`: all unbroken rows of some keys, with the key, `stated_ts`, `ingested_ts`, `source_file`
    and `_content`.
    """
    moment = F.struct(*MOMENT)
    in_order = Window.partitionBy(*key).orderBy(*MOMENT)
    before = in_order.rowsBetween(Window.unboundedPreceding, -1)
    of_content = Window.partitionBy(*key, CONTENT).orderBy(*MOMENT, "source_file")
    rows = rows.withColumns(
        {
            "_previous": F.lag(moment).over(of_content),
            "_taken": F.max(CONTENT).over(Window.partitionBy(*key, *MOMENT)),
        }
    )
    is_copy = F.coalesce(F.col("_previous") == moment, F.lit(False))
    is_taken = ~is_copy & (F.col(CONTENT) == F.col("_taken"))
    newest = F.max(F.when(is_taken, F.col("stated_ts"))).over(before)
    rows = rows.withColumn("_newest", F.coalesce(newest, "stated_ts"))
    rows = rows.withColumn("_holds", is_taken & (F.col("stated_ts") >= F.col("_newest")))
    current = F.last(F.when(F.col("_holds"), F.col(CONTENT)), ignorenulls=True).over(before)
    rows = rows.withColumn("_current", current)
    is_fact = F.col("_holds") & ~F.col(CONTENT).eqNullSafe(F.col("_current"))
    version = (
        F.when(is_fact, FACT)
        .when(F.col("_holds") | F.col("_previous").isNotNull(), REPEAT)
        .when(F.col(CONTENT) != F.col("_taken"), CONFLICT)
        .otherwise(STALE)
    )
    rows = rows.withColumns(
        {VERSION: version, IS_CORRECTION: is_fact & F.col("_current").isNotNull()}
    )
    return rows.drop("_previous", "_taken", "_newest", "_holds", "_current")


def read_facts(read: Callable[[str], DataFrame], table: str) -> DataFrame:
    """The facts of a validated table with `replaced_on`. `read`: asset key -> frame, such as
    `lake.read`.
    """
    return with_replacement(read(keys.validated(table)), TABLES[table].key)


def with_replacement(facts: DataFrame, key: Sequence[str]) -> DataFrame:
    """Rows of a validated table with `replaced_on`: the day on which the next version of the row
    arrived, or the row's removal from its file; null if there is none. Removals themselves are left
    out.
    """
    corrected = facts.where(IS_CORRECTION).select(*key).distinct()
    if corrected.isEmpty():
        return facts.withColumn(REPLACED_ON, F.lit(None).cast("date"))
    others = facts.join(corrected, list(key), "left_anti")
    versions = versions_of(facts, corrected, key).where(~F.col(IS_GONE))
    return versions.unionByName(others, allowMissingColumns=True)


def versions_of(facts: DataFrame, contested: DataFrame, key: Sequence[str]) -> DataFrame:
    """The rows of a validated table that have a contested key, removals included, with
    `replaced_on`.
    """
    versions = facts.join(contested, list(key), "left_semi")
    following = F.lead(F.to_date("ingested_ts")).over(Window.partitionBy(*key).orderBy(*MOMENT))
    return versions.withColumn(REPLACED_ON, following)


def holds_at(midnight: Column, field: Callable[[str], Column] = F.col) -> Column:
    """Whether a row of `with_replacement` is known, and not replaced, at the start of a day.

    `field`: column of the row by its name; the field of a struct where rows lie in an array.
    """
    is_replaced = F.coalesce(field(REPLACED_ON) < midnight, F.lit(False))
    return (field("ingested_ts") < midnight) & ~is_replaced
