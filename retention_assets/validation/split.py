"""Splits raw rows into valid and broken ones, with reasons, and repeats of valid ones. Spark frames
in, frames out; nothing is written here.

Every row is exactly one of these. Rows with the same key are found among those that come in and
those that came before, whenever that was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark import StorageLevel
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.ingestion.content import content_hash
from retention_assets.sources.contracts import RAW_COLUMNS
from retention_assets.validation.removals import with_removals
from retention_assets.validation.rules import FACT, REPEAT, SEPARATOR, VERSION, Rule
from retention_assets.validation.versions import (
    CONTENT,
    IS_CORRECTION,
    IS_GONE,
    MOMENT,
    with_versions,
)

BROKEN = "_broken"
REASON = "quarantine_reason"  # churn_events has a column of its own called reason


@dataclass(frozen=True)
class Split:
    """Checked rows.

    `marked`: all rows, with `_version`, `is_correction` and `_broken`, a number with one bit per
    rule in the rules' order, which is set where the row breaks the rule.
    """

    marked: DataFrame
    columns: Sequence[str]
    rules: Sequence[Rule]
    cached: tuple[DataFrame, ...]

    @property
    def valid(self) -> DataFrame:
        """The rows that break no rule and are no repeats, with their original columns and
        `is_correction`.
        """
        return self.marked.where(is_valid()).select(*self.columns, IS_CORRECTION)

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


def is_valid() -> Column:
    """Whether a marked row breaks no rule and says something new."""
    return (F.col(BROKEN) == 0) & (F.col(VERSION) == FACT)


def split(
    frame: DataFrame,
    key: Sequence[str],
    rules: Sequence[Rule],
    earlier: DataFrame | None = None,
    *,
    replaces: bool = False,
) -> Split:
    """Checks each row against the rules. Of the unbroken rows of a key, also those of `earlier`,
    which are rows of the same kind that arrived before, versions.py says what each of them is.

    `replaces`: rows with `is_gone` count, as removals.py says; without it there must be none.
    """
    broken = broken_bits(rules, of_key=False)
    if replaces:  # a loss is no row to check
        broken = F.when(F.col(IS_GONE), F.lit(0).cast("long")).otherwise(broken)
    marked = frame.withColumn(BROKEN, broken)
    is_unbroken = F.col(BROKEN) == 0
    unbroken = marked.where(is_unbroken)
    known = None
    if earlier is not None:
        known = _known_versions(unbroken, key, broken, earlier, is_whole=replaces)
    contested = _contested_keys(unbroken, key, known)
    cached = (contested,) if known is None else (known, contested)
    if contested.isEmpty():
        return Split(_with_only_facts(marked), frame.columns, rules, cached)
    joined = marked.join(contested.withColumn("_contested", F.lit(True)), list(key), "left")
    is_contested = F.coalesce(F.col("_contested") & is_unbroken, F.lit(False))
    versions = joined.where("_contested").withColumn(CONTENT, content_of(frame))
    if known is not None:
        versions = versions.unionByName(known, allowMissingColumns=True)
    lines = _lines_with_losses(versions, key) if replaces else None
    versions = _with_versions(versions, lines, key, frame.columns)
    versions = versions.where("_contested").drop(CONTENT)
    versions = versions.withColumn(BROKEN, broken_bits(rules, of_key=True))
    versions = versions.persist(StorageLevel.MEMORY_AND_DISK)
    rest = _with_only_facts(joined.where(~is_contested))
    cached = (*cached, versions) if lines is None else (*cached, versions, lines)
    return Split(rest.unionByName(versions), frame.columns, rules, cached)


def _lines_with_losses(rows: DataFrame, key: Sequence[str]) -> DataFrame | None:
    """All rows of the keys of which a file lost one. Kept in memory; None if there are none, as on
    most days: what follows from losses takes many steps.
    """
    lossy = rows.where(IS_GONE).select(*key).distinct()
    lines = rows.join(lossy, list(key), "left_semi")
    lines = lines.withColumn("_is_sound", F.col(BROKEN) == 0).persist()
    if lines.isEmpty():
        lines.unpersist()
        return None
    return lines


def _with_versions(
    rows: DataFrame, lines: DataFrame | None, key: Sequence[str], columns: Sequence[str]
) -> DataFrame:
    """What each unbroken row is among all rows of its key. `lines`: those of keys with losses."""
    unbroken = rows.where(F.col(BROKEN) == 0)
    if lines is None:
        return with_versions(unbroken, key)
    others = unbroken.join(lines.select(*key).distinct(), list(key), "left_anti")
    removed = with_removals(lines, key, columns).drop("_is_sound")
    return with_versions(others, key).unionByName(removed)


def _with_only_facts(marked: DataFrame) -> DataFrame:
    """Rows whose key comes once: the unbroken ones are facts. A loss of none changes nothing."""
    version = F.when(F.col(IS_GONE), REPEAT).when(F.col(BROKEN) == 0, FACT)
    return marked.withColumns({VERSION: version, IS_CORRECTION: F.lit(False)})


def _known_versions(
    unbroken: DataFrame, key: Sequence[str], broken: Column, earlier: DataFrame, *, is_whole: bool
) -> DataFrame | None:
    """What was said before of the keys that come now. Kept in memory; None if they are new.

    `is_whole`: with all columns, and broken rows too. Looks for the keys alone in the whole
    history, then reads the days on which they came. Where keys count up, the files of the history
    are skipped by their least and greatest key.
    """
    bounds = unbroken.agg(F.min(key[0]), F.max(key[0])).first()
    least, greatest = bounds or (None, None)
    arrivals = earlier.where(F.col(key[0]).between(F.lit(least), F.lit(greatest)))
    arrivals = arrivals.select(*key, "arrival_date")
    came_before = arrivals.join(unbroken.select(*key).distinct(), list(key), "left_semi")
    came_before = came_before.distinct().persist()
    days = [row["arrival_date"] for row in came_before.select("arrival_date").distinct().collect()]
    if not days:
        came_before.unpersist()
        return None
    of_days = earlier.where(F.col("arrival_date").isin(days))
    known = of_days.join(came_before.select(*key).distinct(), list(key), "left_semi")
    known = known.withColumns({BROKEN: broken, CONTENT: content_of(earlier)})
    if not is_whole:
        known = known.where(F.col(BROKEN) == 0)
        known = known.select(*key, *MOMENT, "source_file", BROKEN, CONTENT)
    known = known.persist()
    known.count()
    came_before.unpersist()
    return known


def _contested_keys(unbroken: DataFrame, key: Sequence[str], known: DataFrame | None) -> DataFrame:
    """The keys that come more than once, or came before. Kept in memory."""
    counts = unbroken.groupBy(*key).agg(F.count(F.lit(1)).alias("rows"))
    contested = counts.where("rows > 1").select(*key)
    if known is not None:
        contested = contested.union(known.select(*key)).distinct()
    return contested.persist()


def content_of(frame: DataFrame) -> Column:
    """What a row says in its table's columns, whenever and from wherever it came."""
    added = {"ingested_ts", *(column.name for column in RAW_COLUMNS)}
    names = {name for name in frame.columns if not name.startswith("_")} - added
    return content_hash(F.col(name) for name in sorted(names))


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
