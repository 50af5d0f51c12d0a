"""The result of one validation run: rows in and out, violations by rule and by reason, counted from
a split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from retention_assets.validation.rules import REPEAT, VERSION, Rule
from retention_assets.validation.split import BROKEN, Split, reported_rules, with_bits
from retention_assets.validation.versions import IS_GONE

# A share of fewer rows than these says little: one broken row of two is half of them.
MIN_ROWS = 100


def allowed_share_of(rows: int, max_share: float) -> float:
    """The share of so many rows that may be broken: of fewer than MIN_ROWS, as many as of these."""
    if not 0 < rows < MIN_ROWS:
        return max_share
    return min(1.0, round(max_share * MIN_ROWS / rows, 9))  # 29 of 50 are 0.58


@dataclass(frozen=True)
class RuleViolations:
    """How many rows break one rule, of how many that it checked, with one of them as an example.

    `example` is the row's text in the source, `source_file` its file; None if no row breaks the
    rule.
    """

    rule: Rule
    rows: int
    checked: int
    example: str | None = None
    source_file: str | None = None

    @property
    def share(self) -> float:
        """Broken share of the checked rows, which a suite's `mostly` limits; 0 if no row was
        checked.
        """
        return self.rows / self.checked if self.checked else 0.0


@dataclass(frozen=True)
class ValidationResult:
    """What validation made of a range of days. `repeats`: rows that say what a valid row says.

    `max_share`: of rows that may be quarantined, where there are enough of them. `suite_results`:
    rule name -> whether its broken share is allowed, as Great Expectations found.
    """

    rows_in: int
    validated: int
    quarantined: int
    repeats: int
    max_share: float
    violations: Sequence[RuleViolations]
    rows_by_reason: Mapping[str, int]
    suite_results: Mapping[str, bool]

    @property
    def conserved(self) -> bool:
        """Whether every row is validated, quarantined, or repeats a validated one."""
        return self.rows_in == self.validated + self.quarantined + self.repeats

    @property
    def quarantined_share(self) -> float:
        """Share of the incoming rows; 0 if there were none."""
        return self.quarantined / self.rows_in if self.rows_in else 0.0

    @property
    def allowed_share(self) -> float:
        """Share of the incoming rows that may be quarantined."""
        return allowed_share_of(self.rows_in, self.max_share)


@dataclass(frozen=True)
class Counts:
    """What a split's rows are. `broken`: rows that break a rule. `violations`: of every rule, also
    of those that no row breaks. `rows_by_reason`: most frequent first.
    """

    broken: int
    violations: Sequence[RuleViolations]
    rows_by_reason: Mapping[str, int]
    repeats: int


def result_of(
    split: Split,
    counts: Counts,
    table: str,
    *,
    rows_in: int,
    validated: int,
    quarantined: int,
    max_share: float,
) -> ValidationResult:
    """Runs the table's suite on the split. `counts`: of its rows; the numbers of rows are those
    that were read and written.
    """
    from retention_assets.validation.suites import suite_results

    allowed_shares = {
        item.rule.name: allowed_share_of(item.checked, max_share) for item in counts.violations
    }
    return ValidationResult(
        rows_in=rows_in,
        validated=validated,
        quarantined=quarantined,
        repeats=counts.repeats,
        max_share=max_share,
        violations=counts.violations,
        rows_by_reason=counts.rows_by_reason,
        suite_results=suite_results(
            split.marked.where(~is_loss()), table, split.rules, allowed_shares
        ),
    )


def is_loss() -> Column:
    """Whether a row says that a file lost it. Rules do not check it."""
    return F.coalesce(IS_GONE, F.lit(False))


def count_rows(split: Split) -> Counts:
    """One pass over the split's rows."""
    counts = [
        F.count(F.when(~is_loss(), F.expr(rule.checked_value))).alias(rule.name)
        for rule in split.rules
    ]
    is_broken = F.col(BROKEN) != 0
    example = F.min(F.when(is_broken, F.struct("source_file", "raw_text"))).alias("example")
    repeats = F.count_if(F.col(VERSION) == REPEAT).alias("repeats")
    rows = F.count("*").alias("rows")
    # Rows that break the same rules form a group.
    groups = split.marked.groupBy(BROKEN).agg(rows, repeats, example, *counts)
    combinations = groups.orderBy(BROKEN).collect()
    violations = []
    rows_by_reason: dict[str, int] = {}
    for bit, rule in with_bits(split.rules):
        breaking = [row for row in combinations if row[BROKEN] & bit]
        reported = [row for row in breaking if rule in reported_rules(split.rules, row[BROKEN])]
        # Rather a row for which the rule is the reported reason.
        example_row = min((row["example"] for row in reported or breaking), default=None)
        violations.append(
            RuleViolations(
                rule,
                rows=sum(row["rows"] for row in breaking),
                checked=sum(row[rule.name] for row in combinations),
                example=example_row and example_row["raw_text"],
                source_file=example_row and example_row["source_file"],
            )
        )
        if rows := sum(row["rows"] for row in reported):
            rows_by_reason[rule.reason] = rows
    most_frequent_first = sorted(rows_by_reason.items(), key=lambda item: (-item[1], item[0]))
    return Counts(
        broken=sum(row["rows"] for row in combinations if row[BROKEN]),
        violations=violations,
        rows_by_reason=dict(most_frequent_first),
        repeats=sum(row["repeats"] for row in combinations),
    )
