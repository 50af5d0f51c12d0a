"""Random dirty rows: reasons, versions, no row is lost, suites agree."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from math import inf, isfinite, isnan, nan
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.validation.result import allowed_share_of, count_rows
from retention_assets.validation.rules import CONFLICT, REPEAT, STALE, rules_of
from retention_assets.validation.split import REASON, content_of, split
from retention_assets.validation.suites import suite_results
from retention_assets_tests.validation.factories import versions_of

Row = dict[str, Any]
TABLE = TABLES["transactions"]
START = date(2024, 1, 6)
RULES = rules_of(TABLE, START)
SCHEMA = ", ".join(f"{column.name} {column.type}" for column in (*TABLE.columns, *RAW_COLUMNS))
DAYS = [date(2024, 1, day) for day in (5, 6, 7)]
MOMENTS = [datetime(2024, 1, day.day, hour, tzinfo=UTC) for day in DAYS for hour in (9, 23)]
TYPED = ("event_ts", "ingested_ts", "amount", "quantity")
# Mostly valid values, so that rows with no, one and several faults occur, and keys repeat.
DIRTY = st.fixed_dictionaries(
    {
        "transaction_id": st.sampled_from([*"abcdefghijklmnopqrstuvwxyz", None, "", " "]),
        "order_id": st.sampled_from(["o"] * 9 + [None]),
        "customer_id": st.sampled_from(["ann", "bob"] * 5 + [None, "  "]),
        "event_ts": st.sampled_from([MOMENTS[2]] * 5 + [*MOMENTS, None]),
        "ingested_ts": st.sampled_from([*MOMENTS, MOMENTS[-1], MOMENTS[-1]]),
        "kind": st.sampled_from(["sale", "return"] * 5 + ["gift", None]),
        "amount": st.sampled_from([5.0] * 9 + [0.0, -1.0, nan, inf, -inf, None]),
        "quantity": st.sampled_from([None] * 6 + [0.0, 1.0, -1.0, nan]),
        "stated_ts": st.sampled_from([*MOMENTS, MOMENTS[-1], MOMENTS[-1], None]),
        "source_file": st.sampled_from(["one", "two"]),
        "parse_errors": st.lists(st.sampled_from(TYPED), max_size=1),
    }
)


VERSION_REASONS = {
    STALE: "stale: a row with the same transaction_id was stated later and is known already",
    CONFLICT: "conflict: another row with the same transaction_id was stated at the same time",
}


def faults(row: Row) -> Iterator[str]:
    """Reasons by the contract of transactions for one row, in plain Python."""
    unreadable = row["parse_errors"] or []
    for name in (
        "transaction_id",
        "order_id",
        "customer_id",
        "event_ts",
        "kind",
        "amount",
    ):
        if row[name] is None and name not in unreadable:
            yield f"{name} is missing"
        elif isinstance(row[name], str) and name != "kind" and not row[name].strip():
            yield f"{name} is blank"
    if (
        row["stated_ts"] is None
        and row["event_ts"]
        and not {"event_ts", "ingested_ts"} & {*unreadable}
    ):
        yield "ingested_ts is missing"
    for name in unreadable:
        yield f"{name} cannot be read as {'timestamp' if name.endswith('_ts') else 'double'}"
    yield from (
        f"{name} must be a finite number"
        for name in ("amount", "quantity")
        if not isfinite(row[name] or 0.0)
    )
    if row["kind"] == "gift":
        yield "kind must be one of sale, return"
    if row["amount"] is not None and not isnan(row["amount"]) and row["amount"] <= 0:
        yield "amount must be > 0"
    if (row["quantity"] or 0.0) < 0:
        yield "quantity must be >= 0"
    known = [row[name] for name in ("stated_ts", "ingested_ts") if row[name]]
    if row["event_ts"] and known and row["event_ts"] > min(known):
        yield "event_ts is later than ingested_ts"
    if row["event_ts"] and row["event_ts"].date() < START:
        yield "event_ts is before the source's start"


def expected(rows: list[Row]) -> tuple[dict[str, set[str]], set[str]]:
    """Reasons by row, and the rows that are repeats. `rows` have a number for their `content`."""
    reasons = {row["raw_text"]: set(faults(row)) for row in rows}
    unbroken = [row for row in rows if not reasons[row["raw_text"]]]
    versions = versions_of([row | {"key": row["transaction_id"]} for row in unbroken])
    for line, version in versions.items():
        if version in VERSION_REASONS:
            reasons[line].add(VERSION_REASONS[version])
    return reasons, {line for line, version in versions.items() if version == REPEAT}


# Each example runs Spark: few and large ones, and no search for a smaller failing one.
@settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(
    rows=st.lists(DIRTY, min_size=60, max_size=120),
    allowed_share=st.sampled_from([0.0, 0.05, 0.1, 0.3]),
)
def test_split_counts_and_suite_follow_the_contract(
    lake: Lake, rows: list[Row], allowed_share: float
) -> None:
    rows = [
        {**dict.fromkeys(TABLE.column_names), **row, "raw_text": f"line {number:03}"}
        for number, row in enumerate(rows)
    ]
    frame = lake.spark.createDataFrame(rows, SCHEMA)
    contents = dict(map(tuple, frame.select("raw_text", content_of(frame)).collect()))
    parts = split(frame, TABLE.key, RULES)
    valid = [row["raw_text"] for row in parts.valid.collect()]
    broken = {row["raw_text"]: row.asDict() for row in parts.broken.collect()}
    counts = count_rows(parts)
    shares = dict.fromkeys((rule.name for rule in RULES), allowed_share)
    allowed = suite_results(parts.marked, "transactions", RULES, shares)
    parts.release()

    reasons, repeats = expected([row | {"content": contents[row["raw_text"]]} for row in rows])
    assert len(valid) + len(broken) + len(repeats) == len(rows)
    assert {line: set(row[REASON].split("; ")) for line, row in broken.items()} | {
        line: set() for line in {*valid} | repeats
    } == reasons
    assert not repeats & {*valid}
    assert all(
        broken[row["raw_text"]]["source_file"] == row["source_file"]
        for row in rows
        if row["raw_text"] in broken
    )
    assert counts.rows_by_reason == Counter(reason for row in reasons.values() for reason in row)
    examples = {item.rule.reason: str(item.example) for item in counts.violations}
    assert all(reason in reasons[examples[reason]] for reason in counts.rows_by_reason)
    assert allowed == {item.rule.name: item.share <= allowed_share for item in counts.violations}


def test_few_rows_may_have_as_many_broken_ones_as_a_hundred() -> None:
    """A day of two rows is not blocked by a broken one."""
    assert allowed_share_of(2, 0.05) == 1.0
    assert allowed_share_of(20, 0.05) == pytest.approx(0.25)
    assert allowed_share_of(50, 0.29) >= 29 / 50
    assert allowed_share_of(100, 0.05) == allowed_share_of(5000, 0.05) == 0.05
    assert allowed_share_of(2, 0.0) == 0.0, "none is allowed"
    assert allowed_share_of(0, 0.05) == 0.05
