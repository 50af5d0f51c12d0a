"""The split of raw rows into valid and broken ones, with the reasons. Spark frames in, frames out; nothing is written here.

Every row comes out exactly once. Duplicates are judged among the rows given, that is within the days of one run: a key that
comes back on a day outside the range is not seen (`raw/*` holds whole days, so a late copy of the same day is).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.validation.rules import COPY, SEPARATOR, Rule

BROKEN = "_broken"
REASON = "reason"
# The copy that came first is kept; rows that agree in all three are alike, so it does not matter which one is kept.
FIRST_COME = ("ingested_ts", "source_file", "raw_text")


@dataclass(frozen=True)
class Split:
    """Judged rows: all of them, with `_copy`, and with `_broken`, the names of the rules that each one breaks."""

    judged: DataFrame
    columns: Sequence[str]
    rules: Sequence[Rule]
    cached: tuple[DataFrame, ...]

    @property
    def valid(self) -> DataFrame:
        """The rows that break no rule, as they came."""
        return self.judged.where(F.size(BROKEN) == 0).select(*self.columns)

    @property
    def broken(self) -> DataFrame:
        """The other rows, as they came, with `reason`."""
        return self.judged.where(F.size(BROKEN) > 0).select(*self.columns, reason(self.rules).alias(REASON))

    def release(self) -> None:
        """Frees what the split holds in memory."""
        for frame in self.cached:
            frame.unpersist()


def split(frame: DataFrame, key: Sequence[str], rules: Sequence[Rule]) -> Split:
    """Judges each row by the rules; of sound rows with one key, the first by `FIRST_COME` stays valid."""
    of_rows, of_key = [rule for rule in rules if not rule.of_key], [rule for rule in rules if rule.of_key]
    judged = frame.withColumn(BROKEN, broken_rules(of_rows)).withColumn(COPY, F.when(F.size(BROKEN) == 0, F.lit(1)))
    repeated = judged.where(F.size(BROKEN) == 0).groupBy(*key).count().where("count > 1").drop("count").persist()
    if repeated.isEmpty():
        return Split(judged, frame.columns, rules, (repeated,))
    marked = judged.join(repeated.withColumn("_repeated", F.lit(True)), list(key), "left")
    again = F.coalesce(F.col("_repeated") & (F.size(BROKEN) == 0), F.lit(False))
    copies = number_copies(marked.where(again), key).withColumn(BROKEN, broken_rules(of_key))
    copies = copies.persist(StorageLevel.MEMORY_AND_DISK)
    return Split(marked.where(~again).unionByName(copies), frame.columns, rules, (repeated, copies))


def number_copies(repeated: DataFrame, key: Sequence[str]) -> DataFrame:
    """Numbers the rows of each key. Sorts whole rows, `raw_text` too: give it those of repeated keys only."""
    return repeated.withColumn(COPY, F.row_number().over(Window.partitionBy(*key).orderBy(*FIRST_COME)))


def broken_rules(rules: Sequence[Rule]) -> Column:
    """Array of the names of the rules that a row breaks."""
    return F.array_compact(F.array(*(F.when(F.expr(rule.broken), F.lit(rule.name)) for rule in rules)))


def reason(rules: Sequence[Rule]) -> Column:
    """The reasons of the broken rules, in the rules' order, leaving out one that another explains better."""
    return F.concat_ws(SEPARATOR, *(F.when(_to_tell(rule), F.lit(rule.reason)) for rule in rules))


def _to_tell(rule: Rule) -> Column:
    told = F.array_contains(BROKEN, rule.name)
    return told & ~F.array_contains(BROKEN, rule.covered_by) if rule.covered_by else told
