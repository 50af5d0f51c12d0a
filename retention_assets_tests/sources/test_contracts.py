"""The canonical tables as data: what every other room relies on when it reads a contract."""

import re

import pytest

from retention_assets.sources.contracts import RAW_COLUMNS, TABLES, Table
from retention_assets.sources.headers import TYPES, normal_type

EACH = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_there_are_the_seven_tables_that_profiles_may_name() -> None:
    assert list(TABLES) == [
        "customers", "transactions", "support_tickets", "engagement_events", "churn_events", "campaign_contacts", "fraud_reports",
    ]  # fmt: skip


@EACH
def test_every_fact_has_a_customer_and_two_times(table: Table) -> None:
    required = {column.name: column.type for column in table.columns if column.required}
    assert required["customer_id"] == "string"
    assert (required["event_ts"], required["ingested_ts"]) == ("timestamp", "timestamp")


@EACH
def test_a_key_is_made_of_required_columns(table: Table) -> None:
    assert table.key and set(table.key) <= {
        column.name for column in table.columns if column.required
    }


@EACH
def test_no_column_is_named_twice_or_like_the_bookkeeping(table: Table) -> None:
    names = [*table.column_names, *(column.name for column in RAW_COLUMNS)]
    assert len(names) == len(set(names)) and all(
        re.fullmatch(r"[a-z][a-z_]*", name) for name in names
    )


@EACH
def test_rules_fit_the_type_of_their_column(table: Table) -> None:
    for column in table.columns:
        assert normal_type(column.type) in TYPES
        assert not column.allowed or column.type == "string"
        bounds = [
            bound
            for bound in (column.minimum, column.maximum, column.exclusive_minimum)
            if bound is not None
        ]
        assert not bounds or column.type in {"int", "double"}
        assert column.minimum is None or column.maximum is None or column.minimum < column.maximum


@EACH
def test_every_table_and_column_says_what_it_means(table: Table) -> None:
    assert [
        text
        for text in (table.meaning, *(column.meaning for column in table.columns))
        if not text.endswith(".")
    ] == []
