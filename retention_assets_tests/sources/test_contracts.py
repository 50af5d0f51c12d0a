"""The canonical tables: what every reader of a contract relies on."""

import re

import pytest

from retention_assets.sources import contracts
from retention_assets.sources.contracts import RAW_COLUMNS, TABLES, Table
from retention_assets.sources.headers import TYPES, normal_type
from serve import schemas

EACH_TABLE = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def test_profiles_may_name_eight_tables() -> None:
    assert list(TABLES) == [
        "customers",
        "transactions",
        "support_tickets",
        "engagement_events",
        "churn_events",
        "churn_labels",
        "campaign_contacts",
        "fraud_reports",
    ]


@EACH_TABLE
def test_every_table_has_customer_and_two_times(table: Table) -> None:
    required = {column.name: column.type for column in table.columns if column.required}
    assert required["customer_id"] == "string"
    assert (required["event_ts"], required["ingested_ts"]) == ("timestamp", "timestamp")


@EACH_TABLE
def test_key_columns_are_required(table: Table) -> None:
    assert table.key and set(table.key) <= {
        column.name for column in table.columns if column.required
    }


@EACH_TABLE
def test_column_names_are_unique(table: Table) -> None:
    names = [*table.column_names, *(column.name for column in RAW_COLUMNS)]
    assert len(names) == len(set(names)) and all(
        re.fullmatch(r"[a-z][a-z_]*", name) for name in names
    )


@EACH_TABLE
def test_limits_fit_the_column_type(table: Table) -> None:
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


@EACH_TABLE
def test_tables_and_columns_have_a_meaning(table: Table) -> None:
    assert [
        text
        for text in (table.meaning, *(column.meaning for column in table.columns))
        if not text.endswith(".")
    ] == []


def test_longest_customer_id_is_the_one_that_http_accepts() -> None:
    """The applications share no code, so that the limit is written twice."""
    assert contracts.MAX_ID_CHARS == schemas.MAX_ID_CHARS
