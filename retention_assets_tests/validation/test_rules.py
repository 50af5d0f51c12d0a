"""Each rule of each table has a row that breaks it and is told so; what is merely unknown or at a bound is sound."""

import pytest

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES, Table
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import BROKEN, REASON, reason, split
from retention_assets_tests.validation.factories import LATER, LONG_AGO, SOUND, Row, row, schema


def there(name: str) -> list[tuple[Row, str]]:
    return [({name: None}, f"{name} is missing")]


def text(name: str) -> list[tuple[Row, str]]:
    """A required text is there and says something."""
    return [*there(name), ({name: ""}, f"{name} is blank"), ({name: "   "}, f"{name} is blank")]


def readable(name: str, kind: str) -> list[tuple[Row, str]]:
    return [({name: None, "parse_errors": [name]}, f"{name} cannot be read as {kind}")]


def number(name: str) -> list[tuple[Row, str]]:
    """A double is readable and finite."""
    odd = (float("nan"), float("inf"))
    return [
        *readable(name, "double"),
        *(({name: value}, f"{name} must be a finite number") for value in odd),
    ]


EVERYWHERE: list[tuple[Row, str]] = [
    *text("customer_id"),
    *there("event_ts"), *readable("event_ts", "timestamp"), *there("ingested_ts"), *readable("ingested_ts", "timestamp"),
    ({"ingested_ts": LONG_AGO}, "event_ts is later than ingested_ts"),
]  # fmt: skip
WRONG_DAY: list[tuple[Row, str]] = [({"event_ts": LONG_AGO}, "event_ts lies outside its partition")]
OWN: dict[str, list[tuple[Row, str]]] = {
    "customers": [
        ({"plan": "gold"}, "plan must be one of basic, standard, premium"),
        ({"acquisition_channel": "tv"}, "acquisition_channel must be one of organic, paid_search, social, referral, partner"),
        ({"birth_year": 1899}, "birth_year must be >= 1900 and <= 2020"),
        ({"birth_year": 2021}, "birth_year must be >= 1900 and <= 2020"),
        *readable("birth_year", "int"), *readable("email_opt_in", "boolean"),
    ],
    "transactions": [
        *WRONG_DAY, *text("transaction_id"), *text("order_id"), *there("kind"), *there("amount"),
        *number("amount"), *number("quantity"),
        ({"kind": "gift"}, "kind must be one of sale, return"),
        ({"kind": ""}, "kind must be one of sale, return"),
        ({"amount": 0.0}, "amount must be > 0"),
        ({"quantity": -0.5}, "quantity must be >= 0"),
        ({"amount": -float("inf")}, "amount must be a finite number; amount must be > 0"),
    ],
    "support_tickets": [
        *WRONG_DAY, *text("ticket_id"), *readable("satisfaction", "int"),
        ({"severity": "Low"}, "severity must be one of low, medium, high"),
        ({"satisfaction": 0}, "satisfaction must be >= 1 and <= 5"),
        ({"satisfaction": 6}, "satisfaction must be >= 1 and <= 5"),
    ],
    "engagement_events": [
        *WRONG_DAY, *text("event_id"), *there("event_type"), *number("duration_s"),
        ({"event_type": "logout"}, "event_type must be one of login, feature_use, community_post"),
        ({"duration_s": -1.0}, "duration_s must be >= 0"),
    ],
    "churn_events": [
        *WRONG_DAY, *there("churn_type"), ({"churn_type": "moved"}, "churn_type must be one of canceled, lapsed"),
    ],
    "campaign_contacts": [
        *WRONG_DAY, *text("contact_id"), *text("campaign"), *number("cost"),
        *there("treated"), *readable("treated", "boolean"), *there("randomized"), *readable("randomized", "boolean"),
        ({"channel": "pigeon"}, "channel must be one of mail, phone, app"),
        ({"cost": -1.0}, "cost must be >= 0"),
    ],
    "fraud_reports": [
        *WRONG_DAY, *text("report_id"), *text("transaction_id"), *there("is_fraud"), *readable("is_fraud", "boolean"),
        ({"reported_by": "neighbour"}, "reported_by must be one of customer, bank, analyst"),
    ],
}  # fmt: skip
# Optional values may be unknown, a bound belongs to what it bounds, and a fact may be learned of late.
FINE: dict[str, list[Row]] = {
    "customers": [
        dict.fromkeys(SOUND["customers"]), {"birth_year": 1900}, {"birth_year": 2020},
        {"event_ts": LONG_AGO},  # a standing row from before the source began lies in the first partition
    ],
    "transactions": [{"quantity": None}, {"quantity": 0.0}, {"kind": "return"}, {"amount": 0.01}],
    "support_tickets": [dict.fromkeys(SOUND["support_tickets"]), {"satisfaction": 1}, {"satisfaction": 5}],
    "engagement_events": [{"duration_s": None}, {"duration_s": 0.0}],
    "churn_events": [{"reason": None}],
    "campaign_contacts": [{"channel": None, "cost": None}, {"cost": 0.0}, {"treated": False, "randomized": False}],
    "fraud_reports": [{"reported_by": None}, {"is_fraud": False}],
}  # fmt: skip
LATE: Row = {"ingested_ts": LATER}


def cases(table: Table) -> list[tuple[Row, str | None]]:
    """Changes to a sound row, and what is then told of it; the last row repeats the first, learned of later."""
    fine: list[tuple[Row, str | None]] = [
        (changes, None) for changes in ({}, LATE, *FINE[table.name])
    ]
    again = {name: value for name, value in row(table, 0, {}).items() if name in table.key}
    copy = (again | LATE, f"duplicate of an earlier row with the same {', '.join(table.key)}")
    return [*fine, *EVERYWHERE, *OWN[table.name], copy]


@pytest.mark.parametrize("name", TABLES)
def test_every_rule_tells_of_the_row_that_breaks_it_and_of_no_other(lake: Lake, name: str) -> None:
    table, rules = TABLES[name], rules_of(TABLES[name])
    expected = {f"file-{at}": told for at, (_, told) in enumerate(cases(table))}
    rows = [row(table, at, changes) for at, (changes, _) in enumerate(cases(table))]
    parts = split(lake.spark.createDataFrame(rows, schema(table)), table.key, rules)
    judged = parts.marked.select("source_file", BROKEN, reason(rules).alias(REASON)).collect()
    parts.release()

    assert {row["source_file"]: row[REASON] or None for row in judged} == expected and len(
        judged
    ) == len(rows)
    assert {row["source_file"] for row in judged if row[BROKEN]} == {
        file for file, told in expected.items() if told
    }
    told = {each for row in judged for each in row[REASON].split("; ") if each}
    assert told == {rule.reason for rule in rules}, "a rule that no row here breaks"
