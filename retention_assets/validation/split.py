"""Splits raw rows into valid and broken ones, with reasons, and repeats of valid ones. Spark frames
in, frames out; nothing is written here.

Every row is exactly one of these. Copies are found among the rows that come in and those that were
validated before, whenever they arrived.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from retention_assets.ingestion.content import content_hash
from retention_assets.sources.contracts import RAW_COLUMNS
from retention_assets.validation.rules import COPY, SEPARATOR, Rule

BROKEN = "_broken"
REPEAT = "_repeat"  # whether the row says what a valid row with its key says
EARLIER = "_earlier"
REASON = "quarantine_reason"  # churn_events has a column of its own called reason
# The earliest copy is kept. Rows equal in all three are identical, so any of them may be kept.
COPY_ORDER = ("ingested_ts", "source_file", "raw_text")


@dataclass(frozen=True)
class Split:
    """Checked rows.

    `marked`: all rows, with `_copy`, `_repeat` and `_broken`, a number with one bit per rule in the
    rules' order, which is set where the row breaks the rule.
    """

    marked: DataFrame
    columns: Sequence[str]
    rules: Sequence[Rule]
    cached: tuple[DataFrame, ...]

    @property
    def valid(self) -> DataFrame:
        """The rows that break no rule and are no repeats, with their original columns."""
        is_valid = (F.col(BROKEN) == 0) & ~F.col(REPEAT)
        return self.marked.where(is_valid).select(*self.columns)

    @property
    def broken(self) -> DataFrame:
        """The rows that break a rule, with their original columns and `quarantine_reason`."""
        return self.marked.where(F.col(BROKEN) != 0).select(
            *self.columns, reason(self.rules).alias(REASON)
        )

    def release(self) -> None:
        """Frees the memory of the cached frames."""
        for frame in self.cached:
            frame.unpersist()


def split(
    frame: DataFrame,
    key: Sequence[str],
    rules: Sequence[Rule],
    earlier: DataFrame | None = None,
) -> Split:
    """Checks each row against the rules; of unbroken rows with one key, the first by `COPY_ORDER`
    stays valid, unless `earlier`, the valid rows that arrived before, has the key already. The
    others are repeats of the valid row, or break the rule that the key is unique.
    """
    marked = frame.withColumn(BROKEN, broken_bits(rules, of_key=False))
    is_unbroken = F.col(BROKEN) == 0
    marked = marked.withColumn(COPY, F.when(is_unbroken, F.lit(1)))
    contested = _contested_keys(marked.where(is_unbroken), key, earlier).persist()
    if contested.isEmpty():
        whole = marked.withColumn(REPEAT, F.lit(False))
        return Split(whole, frame.columns, rules, (contested,))
    joined = marked.join(contested.withColumn("_contested", F.lit(True)), list(key), "left")
    is_copy = F.coalesce(F.col("_contested") & is_unbroken, F.lit(False))
    copies = _without_repeats(number_copies(joined.where(is_copy), key), key)
    copies = copies.withColumn(BROKEN, broken_bits(rules, of_key=True))
    copies = copies.persist(StorageLevel.MEMORY_AND_DISK)
    rest = joined.where(~is_copy).withColumn(REPEAT, F.lit(False))
    return Split(rest.unionByName(copies), frame.columns, rules, (contested, copies))


def _contested_keys(
    unbroken: DataFrame, key: Sequence[str], earlier: DataFrame | None
) -> DataFrame:
    """The keys that come more than once, with the content of the valid row that arrived before in
    `_earlier`, null if there is none.
    """
    counts = unbroken.groupBy(*key).agg(F.count(F.lit(1)).alias("rows"))
    if earlier is None:
        repeated = counts.where("rows > 1")
        return repeated.select(*key, F.lit(None).cast("bigint").alias(EARLIER))
    known = earlier.join(counts.select(*key), list(key), "left_semi")
    known = known.select(*key, content_of(earlier).alias(EARLIER))
    joined = counts.join(known, list(key), "left")
    return joined.where(f"rows > 1 OR {EARLIER} IS NOT NULL").drop("rows")


def _without_repeats(copies: DataFrame, key: Sequence[str]) -> DataFrame:
    """Marks the copies that say the same as the valid row of their key. They count as no copy."""
    content = content_of(copies)
    in_order = Window.partitionBy(*key).orderBy(*COPY_ORDER)
    valid = F.coalesce(F.col(EARLIER), F.first(content).over(in_order))
    number = F.col(COPY) + F.col(EARLIER).isNotNull().cast("int")
    copies = copies.withColumn(COPY, number).withColumn(
        REPEAT, (F.col(COPY) > 1) & (content == valid)
    )
    return copies.withColumn(COPY, F.when(F.col(REPEAT), F.lit(1)).otherwise(F.col(COPY)))


def content_of(frame: DataFrame) -> Column:
    """What a row says in its table's columns, whenever and from wherever it came."""
    added = {"ingested_ts", *(column.name for column in RAW_COLUMNS)}
    names = {name for name in frame.columns if not name.startswith("_")} - added
    return content_hash(F.col(name) for name in sorted(names))


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
