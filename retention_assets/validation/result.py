"""The result of one validation run: rows in and out, violations by rule and by reason, counted from
a split.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import functions as F

from retention_assets.validation.rules import Rule
from retention_assets.validation.split import BROKEN, Split, reported_rules, with_bits


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

    `suite_results`: rule name -> whether its broken share is allowed, as Great Expectations found.
    """

    rows_in: int
    validated: int
    quarantined: int
    repeats: int
    allowed_share: float
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


def count_violations(split: Split) -> tuple[list[RuleViolations], dict[str, int]]:
    """Violations of every rule (also of those that no row breaks), and rows by reason, most
    frequent first.
    """
    counts = [F.count(F.expr(rule.checked_value)).alias(rule.name) for rule in split.rules]
    is_broken = F.col(BROKEN) != 0
    example = F.min(F.when(is_broken, F.struct("source_file", "raw_text"))).alias("example")
    # One pass for all of it. Rows that break the same rules form a group.
    groups = split.marked.groupBy(BROKEN).agg(F.count("*").alias("rows"), example, *counts)
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
    return violations, dict(sorted(rows_by_reason.items(), key=lambda item: (-item[1], item[0])))
