"""Rows with what the tiles count of them: checked by the rules that look at a row alone, with key
and content as numbers, and with the value of each measure. Spark frames in, one Arrow table out.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.features.measures import Measure
from retention_assets.features.tiles import units
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import BROKEN, broken_bits, content_of, reason


def measured_rows(
    frames: Mapping[str, DataFrame], measures: Sequence[Measure], start: date
) -> pa.Table:
    """The rows of raw tables, by name, in one pass: table, raw_text, source_file, customer_id,
    event_day, arrival_date, `reason` of quarantine (empty: none), `key`, `content`, and `measures`,
    a list of name with `units` (a sum or a count) or `text` (a value of which distinct ones count).
    """
    parts = [_measured(name, frame, measures, start) for name, frame in frames.items()]
    return reduce(DataFrame.unionByName, parts).toArrow()


def key_and_content(name: str, frame: DataFrame) -> list[Column]:
    """Both as numbers. Equal rows have equal ones, and others hardly ever."""
    key = F.xxhash64(*TABLES[name].key).alias("key")
    return [key, content_of(frame).cast("bigint").alias("content")]


def _measured(name: str, frame: DataFrame, measures: Sequence[Measure], start: date) -> DataFrame:
    dated = frame.withColumn("event_date", F.to_date("event_ts"))
    values = [_value(measure) for measure in measures if measure.table == name]
    rules = rules_of(TABLES[name], start)
    marked = dated.withColumn(BROKEN, broken_bits(rules, of_key=False))
    empty = F.array().cast("array<struct<name: string, units: bigint, text: string>>")
    return marked.select(
        F.lit(name).alias("table"),
        "raw_text",
        "source_file",
        "customer_id",
        F.col("event_date").alias("event_day"),
        "arrival_date",
        reason(rules).alias("reason"),
        *key_and_content(name, frame),
        (F.array_compact(F.array(*values)) if values else empty).alias("measures"),
    )


def _value(measure: Measure) -> Column:
    value = F.expr(measure.value)
    is_distinct = measure.kind == "distinct"
    amount = F.lit(None).cast("bigint") if is_distinct else units(value.cast("double"))
    text = value.cast("string") if is_distinct else F.lit(None).cast("string")
    fields = F.struct(F.lit(measure.name).alias("name"), amount.alias("units"), text.alias("text"))
    return F.when(F.expr(measure.where), fields)
