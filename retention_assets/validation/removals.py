"""Versions of keys of which a changed file lost a row, in a table whose changed files replace.

A row counts from its arrival until its file lacks it. Of the rows of a key that count, the one that
was stated last holds; if none counts, the fact holds no longer. What held on a closed day is not
touched: a loss is a row of its own, which arrives when the platform learns of it. Frames in, frames
out.
"""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.ingestion.content import is_faulty
from retention_assets.validation.rules import CONFLICT, FACT, REPEAT, STALE, VERSION
from retention_assets.validation.versions import CONTENT, IS_CORRECTION, IS_GONE, MOMENT

# A row's place in time, which a row that holds again takes from the loss that uncovered it.
_OF_ARRIVAL = (*MOMENT, "arrival_date", IS_GONE)
_LINE = ("source_file", CONTENT, "_fault")


def with_removals(rows: DataFrame, key: Sequence[str], columns: Sequence[str]) -> DataFrame:
    """Adds `_version` and `is_correction` as `with_versions` does, to rows and losses.

    `rows`: all rows of some keys, with `columns`, `_content` and `_is_sound`, which only sound rows
    and losses leave. A loss that changes what holds is a fact: with `is_gone` if nothing holds from
    then on, else with the values of the row that holds again. Any other loss is a repeat.
    """
    lost = F.coalesce(IS_GONE, F.lit(False))
    fault = F.coalesce(F.when(is_faulty(), F.col("raw_text")), F.lit(""))
    lines = rows.withColumns({IS_GONE: lost, "_fault": fault})
    spans = _spans(lines, key, [name for name in columns if name not in _OF_ARRIVAL])
    moments = _moments(lines.where(f"_is_sound OR {IS_GONE}"), spans, key)
    marked = lines.where(f"_is_sound OR {IS_GONE}").join(moments, [*key, *MOMENT])
    marked = _classified(marked, key)
    is_back = F.col("_is_change") & F.col("_holding").isNotNull()
    values = {
        name: F.when(is_back, F.col(f"_holding.row.{name}")).otherwise(F.col(name))
        for name in columns
        if name not in _OF_ARRIVAL
    }
    values[IS_GONE] = F.col(IS_GONE) & ~is_back
    return marked.withColumns(values).select(*rows.columns, VERSION, IS_CORRECTION)


def _spans(lines: DataFrame, key: Sequence[str], names: Sequence[str]) -> DataFrame:
    """The sound rows, with the moment from which each counts and that until which it does. The
    first loss of a line ends its first arrival.
    """
    in_order = Window.partitionBy(*_LINE, IS_GONE).orderBy(*MOMENT)
    numbered = lines.withColumn("_number", F.row_number().over(in_order))
    losses = numbered.where(IS_GONE).select(*_LINE, "_number", F.col("ingested_ts").alias("_until"))
    arrivals = numbered.where(f"_is_sound AND NOT {IS_GONE}")
    rank = ("stated_ts", "ingested_ts", CONTENT)
    return arrivals.join(losses, [*_LINE, "_number"], "left").select(
        *key,
        F.struct(*MOMENT).alias("_from"),
        "_until",
        F.struct(*rank, F.struct(*names).alias("row")).alias("_row"),
    )


def _moments(lines: DataFrame, spans: DataFrame, key: Sequence[str]) -> DataFrame:
    """Each moment at which something about a key arrives: `_holding`, the row that holds after it,
    and `_current`, the content that held before.

    A file's loss counts before all that arrives with it, so that a correction can take its place.
    """
    moments = lines.groupBy(*key, *MOMENT).agg(F.max(IS_GONE).alias("_has_loss"))
    counts = (F.col("_from") <= F.struct(*MOMENT)) & (
        F.col("_until").isNull() | (F.col("_until") > F.col("ingested_ts"))
    )
    candidates = moments.join(spans, list(key), "left").groupBy(*key, *MOMENT)
    moments = candidates.agg(
        F.first("_has_loss").alias("_has_loss"),
        F.max(F.when(counts, F.col("_row"))).alias("_holding"),
    )
    comes_now = (F.col("_holding.ingested_ts") == F.col("ingested_ts")) & (
        F.col("_holding.stated_ts") == F.col("stated_ts")
    )
    moments = moments.withColumn("_comes_now", F.coalesce(comes_now, F.lit(False)))
    is_stated = F.col("_comes_now") | F.col("_has_loss")
    before = Window.partitionBy(*key).orderBy(*MOMENT).rowsBetween(Window.unboundedPreceding, -1)
    stated = F.when(is_stated, F.struct(F.col(f"_holding.{CONTENT}").alias("content")))
    last = F.last(stated, ignorenulls=True).over(before)
    return moments.withColumn("_current", last["content"])


def _classified(marked: DataFrame, key: Sequence[str]) -> DataFrame:
    """Adds `_version`, `is_correction`, and `_is_change`: whether a loss changes what holds."""
    moment = F.struct(*MOMENT)
    of_content = Window.partitionBy(*key, CONTENT, IS_GONE).orderBy(*MOMENT, "source_file")
    at_once = Window.partitionBy(*key, *MOMENT)
    arrived = F.max(F.when(~F.col(IS_GONE), F.col(CONTENT))).over(at_once)
    losses = Window.partitionBy(*key, *MOMENT, IS_GONE).orderBy("source_file", CONTENT)
    marked = marked.withColumns(
        {
            "_previous": F.lag(moment).over(of_content),
            "_last": arrived,
            "_is_first": F.row_number().over(losses) == 1,
        }
    )
    holding = F.col(f"_holding.{CONTENT}")
    is_new = ~holding.eqNullSafe(F.col("_current"))
    is_change = F.col(IS_GONE) & F.col("_is_first") & ~F.col("_comes_now") & is_new
    holds = F.col("_comes_now") & (F.col(CONTENT) == holding)
    is_copy = F.coalesce(F.col("_previous") == moment, F.lit(False))
    version = F.when(F.col(IS_GONE), F.when(is_change, FACT).otherwise(REPEAT)).otherwise(
        _of_arrival(holds & ~is_copy & is_new, holds)
    )
    marked = marked.withColumns({VERSION: version, "_is_change": is_change})
    is_correction = (F.col(VERSION) == FACT) & F.col("_current").isNotNull()
    return marked.withColumn(IS_CORRECTION, is_correction)


def _of_arrival(is_fact: Column, holds: Column) -> Column:
    return (
        F.when(is_fact, FACT)
        .when(holds | F.col("_previous").isNotNull(), REPEAT)
        .when(F.col(CONTENT) != F.col("_last"), CONFLICT)
        .otherwise(STALE)
    )
