"""Each rule of each table has a row that breaks it; unknown values and bounds are valid."""

from datetime import date, timedelta

import pytest

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import ROW_FAULTS, TABLES, Table
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import BROKEN, REASON, reason, split
from retention_assets_tests.validation.factories import (
    BEFORE_START,
    LATER,
    MOMENT,
    VALID_VALUES,
    Row,
    make_row,
    raw_schema,
)


def required(name: str) -> list[tuple[Row, str]]:
    return [({name: None}, f"{name} is missing")]


def text(name: str) -> list[tuple[Row, str]]:
    """A required text is neither null nor blank."""
    return [*required(name), ({name: ""}, f"{name} is blank"), ({name: "   "}, f"{name} is blank")]


def readable(name: str, kind: str) -> list[tuple[Row, str]]:
    return [({name: None, "parse_errors": [name]}, f"{name} cannot be read as {kind}")]


def number(name: str) -> list[tuple[Row, str]]:
    """A double is readable and finite."""
    not_finite = (float("nan"), float("inf"))
    return [
        *readable(name, "double"),
        *(({name: value}, f"{name} must be a finite number") for value in not_finite),
    ]


NOT_FINITE = "propensity must be a finite number"
NOT_A_PROBABILITY = "propensity must be > 0 and <= 1"
NOT_REQUESTABLE = "customer_id has a control character or more than 128 characters"
EVERYWHERE: list[tuple[Row, str]] = [
    *text("customer_id"),
    *(({"row_fault": fault, "customer_id": None}, fault) for fault in ROW_FAULTS.values()),
    ({"customer_id": "tab\there"}, NOT_REQUESTABLE),
    ({"customer_id": "x" * 129}, NOT_REQUESTABLE),
    *required("event_ts"), *readable("event_ts", "timestamp"),
    ({"stated_ts": None}, "ingested_ts is missing"),
    (
        {"stated_ts": None, "parse_errors": ["ingested_ts"]},
        "ingested_ts cannot be read as timestamp",
    ),
    ({"stated_ts": BEFORE_START}, "event_ts is later than ingested_ts"),
    ({"ingested_ts": BEFORE_START}, "event_ts is later than ingested_ts"),
]  # fmt: skip
TOO_OLD: list[tuple[Row, str]] = [
    ({"event_ts": BEFORE_START}, "event_ts is before the source's start")
]
BY_TABLE: dict[str, list[tuple[Row, str]]] = {
    "customers": [
        ({"plan": "gold"}, "plan must be one of basic, standard, premium"),
        (
            {"acquisition_channel": "tv"},
            "acquisition_channel must be one of organic, paid_search, social, referral, partner",
        ),
        ({"birth_year": 1899}, "birth_year must be >= 1900 and <= 2020"),
        ({"birth_year": 2021}, "birth_year must be >= 1900 and <= 2020"),
        *readable("birth_year", "int"), *readable("email_opt_in", "boolean"),
    ],
    "transactions": [
        *TOO_OLD, *text("transaction_id"), *text("order_id"),
        *required("kind"), *required("amount"),
        *number("amount"), *number("quantity"),
        ({"kind": "gift"}, "kind must be one of sale, return"),
        ({"kind": ""}, "kind must be one of sale, return"),
        ({"amount": 0.0}, "amount must be > 0"),
        ({"quantity": -0.5}, "quantity must be >= 0"),
        ({"amount": -float("inf")}, "amount must be a finite number; amount must be > 0"),
    ],
    "support_tickets": [
        *TOO_OLD, *text("ticket_id"), *readable("satisfaction", "int"),
        ({"severity": "Low"}, "severity must be one of low, medium, high"),
        ({"satisfaction": 0}, "satisfaction must be >= 1 and <= 5"),
        ({"satisfaction": 6}, "satisfaction must be >= 1 and <= 5"),
    ],
    "engagement_events": [
        *TOO_OLD, *text("event_id"), *required("event_type"), *number("duration_s"),
        ({"event_type": "logout"}, "event_type must be one of login, feature_use, community_post"),
        ({"duration_s": -1.0}, "duration_s must be >= 0"),
    ],
    "churn_events": [
        *TOO_OLD, *required("churn_type"),
        ({"churn_type": "moved"}, "churn_type must be one of canceled, lapsed"),
    ],
    "churn_labels": [*required("churned"), *readable("churned", "boolean")],
    "campaign_contacts": [
        *TOO_OLD, *text("contact_id"), *text("campaign"), *number("cost"),
        *readable("propensity", "double"),
        *required("treated"), *readable("treated", "boolean"),
        *required("randomized"), *readable("randomized", "boolean"),
        ({"channel": "pigeon"}, "channel must be one of mail, phone, app"),
        ({"cost": -1.0}, "cost must be >= 0"),
        ({"propensity": float("nan")}, f"{NOT_FINITE}; {NOT_A_PROBABILITY}"),
        ({"propensity": 0.0}, NOT_A_PROBABILITY),
        ({"propensity": 1.1}, NOT_A_PROBABILITY),
    ],
    "fraud_reports": [
        *TOO_OLD, *text("report_id"), *text("transaction_id"),
        *required("is_fraud"), *readable("is_fraud", "boolean"),
        ({"reported_by": "insurer"}, "reported_by must be one of customer, bank, analyst"),
    ],
}  # fmt: skip
# Optional values may be unknown, bounds are inclusive, and a fact may become known late.
VALID_CHANGES: dict[str, list[Row]] = {
    "customers": [
        dict.fromkeys(VALID_VALUES["customers"]), {"birth_year": 1900}, {"birth_year": 2020},
        {"event_ts": BEFORE_START},  # valid until replaced
    ],
    "transactions": [{"quantity": None}, {"quantity": 0.0}, {"kind": "return"}, {"amount": 0.01}],
    "support_tickets": [
        dict.fromkeys(VALID_VALUES["support_tickets"]), {"satisfaction": 1}, {"satisfaction": 5},
    ],
    "engagement_events": [{"duration_s": None}, {"duration_s": 0.0}],
    "churn_events": [{"reason": None}],
    "churn_labels": [{"churned": False}, {"event_ts": BEFORE_START}],
    "campaign_contacts": [
        {"channel": None, "cost": None}, {"cost": 0.0}, {"treated": False, "randomized": False},
        {"propensity": None}, {"propensity": 1.0},
    ],
    "fraud_reports": [{"reported_by": None}, {"is_fraud": False}],
}  # fmt: skip
LATE: Row = {"ingested_ts": LATER}


# What the tables whose key has the customer say otherwise in a second row with the key.
OTHER_CONTENT: dict[str, Row] = {
    "customers": {"country": "DE"},
    "churn_events": {"reason": "other"},
    "churn_labels": {"churned": False},
}


def cases(table: Table) -> list[tuple[Row, str | None]]:
    """Changes to a valid row with the expected reason."""
    valid: list[tuple[Row, str | None]] = [
        (changes, None) for changes in ({}, LATE, *VALID_CHANGES[table.name])
    ]
    stale = (
        f"stale: a row with the same {', '.join(table.key)} was stated later and is known already"
    )
    key = key_of(table, "replaced")
    other = OTHER_CONTENT.get(table.name, {})
    versions: list[tuple[Row, str | None]] = [
        (key | {"stated_ts": LATER, "ingested_ts": LATER}, None),
        (key | {"ingested_ts": LATER + timedelta(days=1)} | other, stale),
    ]
    return [*valid, *EVERYWHERE, *BY_TABLE[table.name], *versions]


def key_of(table: Table, text: str) -> Row:
    return {name: MOMENT if name == "event_ts" else text for name in table.key}


@pytest.mark.parametrize("name", TABLES)
def test_each_rule_reports_exactly_the_rows_that_break_it(lake: Lake, name: str) -> None:
    table = TABLES[name]
    rules = rules_of(table, date(2024, 1, 1))
    expected = {f"file-{number}": reason for number, (_, reason) in enumerate(cases(table))}
    at_once = [key_of(table, "twice"), key_of(table, "twice") | OTHER_CONTENT.get(name, {})]
    changed = [*(changes for changes, _ in cases(table)), *at_once]
    rows = [make_row(table, number, changes) for number, changes in enumerate(changed)]
    parts = split(lake.spark.createDataFrame(rows, raw_schema(table)), table.key, rules)
    marked = parts.marked.select("source_file", BROKEN, reason(rules).alias(REASON)).collect()
    parts.release()

    assert len(marked) == len(rows)
    reason_by_file = {row["source_file"]: row[REASON] or None for row in marked}
    conflict = (
        f"conflict: another row with the same {', '.join(table.key)} was stated at the same time"
    )
    of_two = {reason_by_file.pop(f"file-{len(expected) + place}") for place in range(2)}
    assert of_two == {None, conflict}, "one of two versions that were stated at once is taken"
    assert reason_by_file == expected
    assert all(bool(row[BROKEN]) == bool(row[REASON]) for row in marked)
    reasons = {text for row in marked for text in row[REASON].split("; ") if text}
    assert reasons == {rule.reason for rule in rules}, "a rule that no row here breaks"
