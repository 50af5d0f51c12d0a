"""Splits raw rows into valid and broken ones, with reasons. Spark frames in, frames out; nothing is
written here.

Every row comes out exactly once. Duplicates are found only among the rows that come in, that is
within the days of one run: `raw/*` holds whole days, so a late copy from the same day is found, and
a copy from a day outside is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.validation.rules import COPY, SEPARATOR, Rule

BROKEN = "_broken"
REASON = "quarantine_reason"  # churn_events has a column of its own called reason
# The earliest copy is kept. Rows equal in all three are identical, so any of them may be kept.
COPY_ORDER = ("ingested_ts", "source_file", "raw_text")


@dataclass(frozen=True)
class Split:
    """Checked rows.

    `marked`: all rows, with `_copy` and `_broken`, a number with one bit per rule in the rules'
    order, which is set where the row breaks the rule.
    """

    marked: DataFrame
    columns: Sequence[str]
    rules: Sequence[Rule]
    cached: tuple[DataFrame, ...]

    @property
    def valid(self) -> DataFrame:
        """The rows that break no rule, with their original columns."""
        return self.marked.where(F.col(BROKEN) == 0).select(*self.columns)

    @property
    def broken(self) -> DataFrame:
        """The other rows, with their original columns and `quarantine_reason`."""
        return self.marked.where(F.col(BROKEN) != 0).select(
            *self.columns, reason(self.rules).alias(REASON)
        )

    def release(self) -> None:
        """Frees the memory of the cached frames."""
        for frame in self.cached:
            frame.unpersist()


def split(frame: DataFrame, key: Sequence[str], rules: Sequence[Rule]) -> Split:
    """Checks each row against the rules; of unbroken rows with one key, the first by `COPY_ORDER`
    stays valid.
    """
    marked = frame.withColumn(BROKEN, broken_bits(rules, of_key=False))
    marked = marked.withColumn(COPY, F.when(F.col(BROKEN) == 0, F.lit(1)))
    repeated = (
        marked.where(F.col(BROKEN) == 0)
        .groupBy(*key)
        .count()
        .where("count > 1")
        .drop("count")
        .persist()
    )
    if repeated.isEmpty():
        return Split(marked, frame.columns, rules, (repeated,))
    joined = marked.join(repeated.withColumn("_repeated", F.lit(True)), list(key), "left")
    is_copy = F.coalesce(F.col("_repeated") & (F.col(BROKEN) == 0), F.lit(False))
    copies = number_copies(joined.where(is_copy), key).withColumn(
        BROKEN, broken_bits(rules, of_key=True)
    )
    copies = copies.persist(StorageLevel.MEMORY_AND_DISK)
    return Split(
        joined.where(~is_copy).unionByName(copies), frame.columns, rules, (repeated, copies)
    )


def number_copies(repeated: DataFrame, key: Sequence[str]) -> DataFrame:
    """Numbers the rows of each key from 1. It sorts whole rows, `raw_text` too, so pass rows of
    repeated keys only.
    """
    copies = Window.partitionBy(*key).orderBy(*COPY_ORDER)
    return repeated.withColumn(COPY, F.row_number().over(copies))


def broken_bits(rules: Sequence[Rule], of_key: bool) -> Column:
    """The sum of the bits of the rules that a row breaks. A number, because an array of names costs
    twice the scan.
    """
    bits = [
        F.when(F.expr(rule.broken), F.lit(bit)).otherwise(F.lit(0))
        for bit, rule in with_bits(rules)
        if rule.of_key == of_key
    ]
    return reduce(Column.__add__, bits, F.lit(0)).cast("long")


def with_bits(rules: Sequence[Rule]) -> list[tuple[int, Rule]]:
    """Each rule with its bit; a long has room for 63."""
    return [(1 << place, rule) for place, rule in enumerate(rules)]


def reported_rules(rules: Sequence[Rule], broken: int) -> list[Rule]:
    """The rules of a `_broken` number whose reasons are reported: all but those that another rule
    explains better.
    """
    names = {rule.name for bit, rule in with_bits(rules) if broken & bit}
    return [rule for rule in rules if rule.name in names and not names & {*rule.covered_by}]


def reason(rules: Sequence[Rule]) -> Column:
    """The reported reasons of a row, in the rules' order."""
    bit_of = {rule.name: bit for bit, rule in with_bits(rules)}

    def is_reported(rule: Rule) -> Column:
        covering = sum(bit_of[name] for name in rule.covered_by)
        bits = F.col(BROKEN).bitwiseAND(F.lit(bit_of[rule.name] | covering))
        return bits == F.lit(bit_of[rule.name])

    return F.concat_ws(
        SEPARATOR, *(F.when(is_reported(rule), F.lit(rule.reason)) for rule in rules)
    )
