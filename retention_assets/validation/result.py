"""What one run of validation found: rows in and out, rows by rule and by reason, an example of each. Counted from a split."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import functions as F

from retention_assets.validation.rules import Rule
from retention_assets.validation.split import BROKEN, Split, told, with_bits


@dataclass(frozen=True)
class RuleViolations:
    """Rows that break one rule, of how many that it judges, and one of them as its source gave it."""

    rule: Rule
    rows: int
    judged: int
    example: str | None = None
    source_file: str | None = None

    @property
    def share(self) -> float:
        """Share of the judged rows, which is what a suite's `mostly` is about; 0 where there was nothing to judge."""
        return self.rows / self.judged if self.judged else 0.0


@dataclass(frozen=True)
class ValidationResult:
    """Findings of a range of days. `verdicts` are the suite's: rule name -> whether its broken share is allowed."""

    rows_in: int
    validated: int
    quarantined: int
    allowed_share: float
    findings: Sequence[RuleViolations]
    rows_by_reason: Mapping[str, int]
    verdicts: Mapping[str, bool]

    @property
    def conserved(self) -> bool:
        return self.rows_in == self.validated + self.quarantined

    @property
    def quarantined_share(self) -> float:
        """Share of the incoming rows; 0 where none came."""
        return self.quarantined / self.rows_in if self.rows_in else 0.0


def count_violations(split: Split) -> tuple[list[RuleViolations], dict[str, int]]:
    """Findings per rule (those that no row breaks too) and rows by reason, most frequent first."""
    judged = split.marked.agg(
        *(F.count(F.expr(rule.judges)).alias(rule.name) for rule in split.rules)
    ).collect()[0]
    example = F.min(F.struct("source_file", "raw_text")).alias("example")
    broken = split.marked.where(F.col(BROKEN) != 0)
    combinations = (
        broken.groupBy(BROKEN).agg(F.count("*").alias("rows"), example).orderBy(BROKEN).collect()
    )
    findings = []
    rows_by_reason: dict[str, int] = {}
    for bit, rule in with_bits(split.rules):
        mine = [row for row in combinations if row[BROKEN] & bit]
        first = min((row["example"] for row in mine), default=None)
        rows = sum(row["rows"] for row in mine)
        findings.append(
            RuleViolations(
                rule,
                rows,
                judged[rule.name],
                first and first["raw_text"],
                first and first["source_file"],
            )
        )
        if rows_told := sum(row["rows"] for row in mine if rule in told(split.rules, row[BROKEN])):
            rows_by_reason[rule.reason] = rows_told
    return findings, dict(sorted(rows_by_reason.items(), key=lambda item: (-item[1], item[0])))
