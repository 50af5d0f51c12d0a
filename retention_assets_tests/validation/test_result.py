"""Random dirty rows: reasons are complete, first copies stay, no row is lost, suites agree."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from math import inf, isfinite, isnan, nan
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.validation.result import count_violations
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import REASON, split
from retention_assets.validation.suites import suite_results

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


DIFFERS = "differs from an earlier row with the same transaction_id"


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
    """Reasons by row, and the rows that are repeats: of faultless rows with one key, each but the
    first is one or differs from it.
    """
    reasons = {row["raw_text"]: set(faults(row)) for row in rows}
    kept: dict[str, list] = {}
    repeats = set()
    for row in sorted((row for row in rows if not reasons[row["raw_text"]]), key=copy_order):
        content = [row[name] for name in TABLE.column_names if name != "ingested_ts"]
        first = kept.setdefault(row["transaction_id"], content)
        if first is content:
            continue
        if first == content:
            repeats.add(row["raw_text"])
        else:
            reasons[row["raw_text"]].add(DIFFERS)
    return reasons, repeats


def copy_order(row: Row) -> tuple[datetime, str, str]:
    return row["ingested_ts"], row["source_file"], row["raw_text"]


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
    parts = split(lake.spark.createDataFrame(rows, SCHEMA), TABLE.key, RULES)
    valid = [row["raw_text"] for row in parts.valid.collect()]
    broken = {row["raw_text"]: row.asDict() for row in parts.broken.collect()}
    violations, rows_by_reason = count_violations(parts)
    allowed = suite_results(parts.marked, "transactions", RULES, allowed_share)
    parts.release()

    reasons, repeats = expected(rows)
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
    assert rows_by_reason == Counter(reason for row in reasons.values() for reason in row)
    examples = {item.rule.reason: str(item.example) for item in violations}
    assert all(reason in reasons[examples[reason]] for reason in rows_by_reason)
    assert allowed == {item.rule.name: item.share <= allowed_share for item in violations}
