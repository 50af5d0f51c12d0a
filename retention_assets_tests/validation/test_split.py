"""Which rows are broken and why: rules, duplicates, no lost rows; suites agree with the split."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.validation.result import count_rows
from retention_assets.validation.rules import CONFLICT, FACT, REPEAT, VERSION, Rule, rules_of
from retention_assets.validation.split import REASON, split
from retention_assets.validation.suites import suite_results

TABLE = TABLES["transactions"]
SCHEMA = ", ".join(f"{column.name} {column.type}" for column in (*TABLE.columns, *RAW_COLUMNS))
MOMENT = datetime(2024, 1, 5, 9, tzinfo=UTC)
VALID: dict[str, Any] = {
    "order_id": "o",
    "customer_id": "ann",
    "event_ts": MOMENT,
    "ingested_ts": MOMENT,
    "kind": "sale",
    "amount": 5.0,
    "quantity": 1.0,
    **dict.fromkeys(("product_id", "card_id", "device_id", "terminal_id")),
    "stated_ts": MOMENT,
    "arrival_date": date(2024, 1, 5),
    "source_file": "transactions/2024-01-05.csv",
    "raw_text": "{}",
    "parse_errors": [],
}
LATER = datetime(2024, 1, 6, 9, tzinfo=UTC)
MUCH_LATER = datetime(2024, 1, 9, 9, tzinfo=UTC)
BEFORE_START = datetime(1970, 1, 1, tzinfo=UTC)
START = date(2024, 1, 1)
FAULTS: list[tuple[dict[str, Any], str | None]] = [
    ({}, None),
    ({"quantity": None}, None),
    ({"ingested_ts": LATER}, None),
    ({"customer_id": None}, "customer_id is missing"),
    ({"customer_id": "  "}, "customer_id is blank"),
    ({"transaction_id": None}, "transaction_id is missing"),
    ({"event_ts": None, "parse_errors": ["event_ts"]}, "event_ts cannot be read as timestamp"),
    ({"amount": 0.0}, "amount must be > 0"),
    ({"amount": -3.0}, "amount must be > 0"),
    ({"amount": float("nan")}, "amount must be a finite number"),
    ({"amount": None}, "amount is missing"),
    ({"amount": None, "parse_errors": ["amount"]}, "amount cannot be read as double"),
    ({"quantity": -1.0}, "quantity must be >= 0"),
    ({"kind": "gift"}, "kind must be one of sale, return"),
    ({"event_ts": LATER}, "event_ts is later than ingested_ts"),
    ({"event_ts": LATER, "ingested_ts": MUCH_LATER}, "event_ts is later than ingested_ts"),
    ({"event_ts": LATER, "stated_ts": MUCH_LATER}, "event_ts is later than ingested_ts"),
    ({"event_ts": BEFORE_START}, "event_ts is before the source's start"),
    ({"stated_ts": None}, "ingested_ts is missing"),
    ({"stated_ts": LATER, "ingested_ts": MUCH_LATER}, None),
    ({"customer_id": None, "amount": 0.0}, "customer_id is missing; amount must be > 0"),
]
SAME_KEY = "the same transaction_id"
STALE = f"stale: a row with {SAME_KEY} was stated later and is known already"
# Of `twice` the first row is replaced, and then a third one comes that was stated before both.
VERSIONS: list[tuple[dict[str, Any], str | None]] = [
    ({"transaction_id": "twice", "stated_ts": LATER, "ingested_ts": LATER}, None),
    ({"transaction_id": "twice"}, None),
    ({"transaction_id": "twice", "ingested_ts": MUCH_LATER}, STALE),
    ({"transaction_id": "twice", "amount": 0.0}, "amount must be > 0"),
]
EARLIER = {"transaction_id": "known", "product_id": "p", "quantity": None}
CASES = FAULTS + VERSIONS


def make_row(number: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", **VALID, "product_id": str(number), **changes}


def shares_of(rules: Sequence[Rule], share: float) -> dict[str, float]:
    return dict.fromkeys((rule.name for rule in rules), share)


@pytest.fixture(scope="module")
def cases(lake: Lake) -> dict[str, Any]:
    """All cases in one frame: valid and broken rows, counts, suite results for shares 0 and .6."""
    frame = lake.spark.createDataFrame(
        [make_row(number, changes) for number, (changes, _) in enumerate(CASES)], SCHEMA
    )
    rules = rules_of(TABLE, START)
    parts = split(frame, TABLE.key, rules)
    counts = count_rows(parts)
    result = {
        "valid": {int(row["product_id"]): row for row in parts.valid.collect()},
        "broken": {int(row["product_id"]): row for row in parts.broken.collect()},
        "violations": {item.rule.name: item for item in counts.violations},
        "rows_by_reason": counts.rows_by_reason,
        "strict": suite_results(parts.marked, "transactions", rules, shares_of(rules, 0.0)),
        "lax": suite_results(parts.marked, "transactions", rules, shares_of(rules, 0.6)),
    }
    parts.release()
    return result


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[reason or "valid" for _, reason in CASES]
)
def test_row_is_valid_or_broken_with_its_reason(cases: dict[str, Any], number: int) -> None:
    changes, reason = CASES[number]
    if reason is None:
        assert number in cases["valid"] and number not in cases["broken"]
        return
    assert number not in cases["valid"]
    broken = cases["broken"][number]
    assert broken[REASON] == reason
    assert (broken["source_file"], broken["raw_text"]) == (
        changes.get("source_file", VALID["source_file"]),
        "{}",
    )


def test_every_row_comes_out_exactly_once(cases: dict[str, Any]) -> None:
    assert len(cases["valid"]) + len(cases["broken"]) == len(CASES)


def test_rows_are_counted_by_reason(cases: dict[str, Any]) -> None:
    assert cases["rows_by_reason"]["amount must be > 0"] == 4
    assert cases["rows_by_reason"][STALE] == 1
    assert cases["violations"]["amount_above_0_and_inf"].rows == 4


def test_suite_fails_exactly_the_broken_rules(cases: dict[str, Any]) -> None:
    broken = {name for name, item in cases["violations"].items() if item.rows}
    assert {name for name, passed in cases["strict"].items() if not passed} == broken
    assert cases["strict"].keys() == cases["violations"].keys() and broken


def test_suite_allows_the_given_share(cases: dict[str, Any]) -> None:
    assert all(cases["lax"].values())


@pytest.mark.parametrize("name", TABLES)
def test_rule_names_are_unique_and_valid_in_dagster(name: str) -> None:
    names = [rule.name for rule in rules_of(TABLES[name], START)]
    assert len(set(names)) == len(names)
    assert all(rule_name.replace("_", "").isalnum() for rule_name in names)


def test_corrections_are_facts_and_repeats_are_only_counted(lake: Lake) -> None:
    """Among the rows of a run, and beside what arrived before."""
    rows = [
        {"transaction_id": "again", "source_file": "a"},
        {"transaction_id": "again", "source_file": "b", "ingested_ts": LATER},
        {"transaction_id": "at once", "product_id": "p", "source_file": "c"},
        {"transaction_id": "at once", "product_id": "q", "source_file": "d"},
        EARLIER | {"source_file": "e", "ingested_ts": LATER},
        EARLIER | {"source_file": "f", "quantity": 2.0, "ingested_ts": MUCH_LATER},
        {"transaction_id": "broken before", "source_file": "g"},
    ]
    known = [EARLIER, {"transaction_id": "broken before", "amount": 0.0}]

    def frame(changes: list[dict[str, Any]]) -> DataFrame:
        rows = [{**VALID, **row} for row in changes]
        return lake.spark.createDataFrame(rows, SCHEMA)

    parts = split(frame(rows), TABLE.key, rules_of(TABLE, START), frame(known))
    files = defaultdict(set)
    for row in parts.marked.collect():
        files[row[VERSION]].add(row["source_file"])
    (refused,) = files.pop(CONFLICT)
    assert refused in {"c", "d"}
    assert files == {FACT: {"a", "c", "d", "f", "g"} - {refused}, REPEAT: {"b", "e"}}
    corrections = parts.valid.where("is_correction").collect()
    assert [row["source_file"] for row in corrections] == ["f"]
    counts = count_rows(parts)
    conflict = "conflict: another row with the same transaction_id was stated at the same time"
    assert counts.rows_by_reason == {conflict: 1}
    allowed = suite_results(parts.marked, "transactions", parts.rules, shares_of(parts.rules, 0.2))
    assert all(allowed.values())
    assert sum(violation.rows for violation in counts.violations) == 1
    parts.release()
