"""Which rows are set aside and why: each rule, duplicates, and that nothing is lost; the suite says the same as the split."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES
from retention_assets.validation.result import count_violations
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import REASON, split
from retention_assets.validation.suites import suite_results

TABLE = TABLES["transactions"]
SCHEMA = ", ".join(f"{column.name} {column.type}" for column in (*TABLE.columns, *RAW_COLUMNS))
MOMENT = datetime(2024, 1, 5, 9, tzinfo=UTC)
SOUND: dict[str, Any] = {
    "order_id": "o", "customer_id": "ann", "event_ts": MOMENT, "ingested_ts": MOMENT, "kind": "sale", "amount": 5.0,
    "quantity": 1.0, "product_id": None, "card_id": None, "device_id": None, "terminal_id": None,
    "event_date": date(2024, 1, 5), "source_file": "transactions/2024-01-05.csv", "raw_text": "{}", "parse_errors": [],
}  # fmt: skip
LATER = datetime(2024, 1, 6, 9, tzinfo=UTC)
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
    ({"event_ts": LATER, "event_date": date(2024, 1, 6)}, "event_ts is later than ingested_ts"),
    ({"ingested_ts": LATER, "event_date": date(2024, 1, 6)}, "event_ts lies outside its partition"),
    ({"customer_id": None, "amount": 0.0}, "customer_id is missing; amount must be > 0"),
]
DUPLICATE = "duplicate of an earlier row with the same transaction_id"
COPIES: list[tuple[dict[str, Any], str | None]] = [
    ({"transaction_id": "twice", "source_file": "b"}, DUPLICATE),
    ({"transaction_id": "twice", "source_file": "a"}, None),
    ({"transaction_id": "twice", "ingested_ts": LATER, "source_file": "a"}, DUPLICATE),
    ({"transaction_id": "twice", "amount": 0.0}, "amount must be > 0"),
]  # fmt: skip
CASES = FAULTS + COPIES


def row(number: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {"transaction_id": f"t{number}", **SOUND, "product_id": str(number), **changes}


@pytest.fixture(scope="module")
def told(lake: Lake) -> dict[str, Any]:
    """All cases in one frame: what became of each, what was found, and what the suite says at no tolerance and at 60 %."""
    frame = lake.spark.createDataFrame(
        [row(number, changes) for number, (changes, _) in enumerate(CASES)], SCHEMA
    )
    rules = rules_of(TABLE)
    parts = split(frame, TABLE.key, rules)
    findings, rows_by_reason = count_violations(parts)
    result = {
        "valid": {int(each["product_id"]): each for each in parts.valid.collect()},
        "broken": {int(each["product_id"]): each for each in parts.broken.collect()},
        "findings": {violations.rule.name: violations for violations in findings},
        "rows_by_reason": rows_by_reason,
        "strict": suite_results(parts.marked, "transactions", rules, allowed_share=0.0),
        "lax": suite_results(parts.marked, "transactions", rules, allowed_share=0.6),
    }
    parts.release()
    return result


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=[reason or "sound" for _, reason in CASES]
)
def test_a_row_is_valid_or_in_quarantine_with_its_reason(told: dict[str, Any], number: int) -> None:
    changes, reason = CASES[number]
    if reason is None:
        assert number in told["valid"] and number not in told["broken"]
        return
    assert number not in told["valid"]
    broken = told["broken"][number]
    assert broken[REASON] == reason
    assert (broken["source_file"], broken["raw_text"]) == (
        changes.get("source_file", SOUND["source_file"]),
        "{}",
    )


def test_every_row_comes_out_exactly_once(told: dict[str, Any]) -> None:
    assert len(told["valid"]) + len(told["broken"]) == len(CASES)


def test_rows_are_counted_by_reason(told: dict[str, Any]) -> None:
    assert told["rows_by_reason"]["amount must be > 0"] == 4
    assert told["rows_by_reason"][DUPLICATE] == 2
    assert told["findings"]["amount_above_0_and_inf"].rows == 4


def test_great_expectations_fails_exactly_the_rules_that_rows_break(told: dict[str, Any]) -> None:
    broken = {name for name, violations in told["findings"].items() if violations.rows}
    assert {name for name, passed in told["strict"].items() if not passed} == broken
    assert told["strict"].keys() == told["findings"].keys() and broken


def test_great_expectations_bears_the_share_that_is_allowed(told: dict[str, Any]) -> None:
    assert all(told["lax"].values())


@pytest.mark.parametrize("name", TABLES)
def test_each_rule_has_a_name_of_its_own_that_dagster_accepts(name: str) -> None:
    names = [rule.name for rule in rules_of(TABLES[name])]
    assert len(set(names)) == len(names)
    assert all(each.replace("_", "").isalnum() for each in names)
