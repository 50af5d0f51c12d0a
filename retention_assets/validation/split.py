"""The split of raw rows into valid and broken ones, with the reasons. Spark frames in, frames out; nothing is written here.

Every row comes out exactly once. Duplicates are judged among the rows given, that is within the days of one run: a key that
comes back on a day outside the range is not seen (`raw/*` holds whole days, so a late copy of the same day is).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.validation.rules import COPY, SEPARATOR, Rule

BROKEN = "_broken"
REASON = "quarantine_reason"  # churn_events has a reason of its own
# The copy that came first is kept; rows that agree in all three are alike, so it does not matter which one is kept.
FIRST_COME = ("ingested_ts", "source_file", "raw_text")


@dataclass(frozen=True)
class Split:
    """Judged rows: all of them, with `_copy`, and `_broken`: a bit for each rule, in the rules' order, set where it is broken."""

    judged: DataFrame
    columns: Sequence[str]
    rules: Sequence[Rule]
    cached: tuple[DataFrame, ...]

    @property
    def valid(self) -> DataFrame:
        """The rows that break no rule, as they came."""
        return self.marked.where(F.col(BROKEN) == 0).select(*self.columns)

    @property
    def broken(self) -> DataFrame:
        """The other rows, as they came, with `reason`."""
        return self.marked.where(F.col(BROKEN) != 0).select(
            *self.columns, reason(self.rules).alias(REASON)
        )

    def release(self) -> None:
        """Frees what the split holds in memory."""
        for frame in self.cached:
            frame.unpersist()


def split(frame: DataFrame, key: Sequence[str], rules: Sequence[Rule]) -> Split:
    """Judges each row by the rules; of sound rows with one key, the first by `FIRST_COME` stays valid."""
    judged = frame.withColumn(BROKEN, broken_bits(rules, of_key=False))
    judged = judged.withColumn(COPY, F.when(F.col(BROKEN) == 0, F.lit(1)))
    repeated = (
        judged.where(F.col(BROKEN) == 0)
        .groupBy(*key)
        .count()
        .where("count > 1")
        .drop("count")
        .persist()
    )
    if repeated.isEmpty():
        return Split(judged, frame.columns, rules, (repeated,))
    marked = judged.join(repeated.withColumn("_repeated", F.lit(True)), list(key), "left")
    again = F.coalesce(F.col("_repeated") & (F.col(BROKEN) == 0), F.lit(False))
    copies = number_copies(marked.where(again), key).withColumn(
        BROKEN, broken_bits(rules, of_key=True)
    )
    copies = copies.persist(StorageLevel.MEMORY_AND_DISK)
    return Split(marked.where(~again).unionByName(copies), frame.columns, rules, (repeated, copies))


def number_copies(repeated: DataFrame, key: Sequence[str]) -> DataFrame:
    """Numbers the rows of each key. Sorts whole rows, `raw_text` too: give it those of repeated keys only."""
    return repeated.withColumn(
        COPY, F.row_number().over(Window.partitionBy(*key).orderBy(*FIRST_COME))
    )


def broken_bits(rules: Sequence[Rule], of_key: bool) -> Column:
    """The sum of the bits of the rules that a row breaks: a number, as an array of names costs twice the scan."""
    bits = [
        F.when(F.expr(rule.broken), F.lit(bit)).otherwise(F.lit(0))
        for bit, rule in with_bits(rules)
        if rule.of_key == of_key
    ]
    return reduce(Column.__add__, bits, F.lit(0)).cast("long")


def with_bits(rules: Sequence[Rule]) -> list[tuple[int, Rule]]:
    """Each rule with its bit; a long has room for 63."""
    return [(1 << place, rule) for place, rule in enumerate(rules)]


def told(rules: Sequence[Rule], broken: int) -> list[Rule]:
    """The rules of a `_broken` number whose reasons are told: all but those that another explains better."""
    names = {rule.name for bit, rule in with_bits(rules) if broken & bit}
    return [rule for rule in rules if rule.name in names and rule.covered_by not in names]


def reason(rules: Sequence[Rule]) -> Column:
    """The reasons told of a row, in the rules' order."""
    bit_of = {rule.name: bit for bit, rule in with_bits(rules)}

    def is_told(rule: Rule) -> Column:
        covering = bit_of[rule.covered_by] if rule.covered_by else 0
        bits = F.col(BROKEN).bitwiseAND(F.lit(bit_of[rule.name] | covering))
        return bits == F.lit(bit_of[rule.name])

    return F.concat_ws(SEPARATOR, *(F.when(is_told(rule), F.lit(rule.reason)) for rule in rules))
