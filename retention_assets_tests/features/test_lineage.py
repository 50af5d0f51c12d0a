"""Columns that features and measures come from: they exist, and they are the ones that are read."""

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.lineage import (
    feature_descriptions,
    feature_lineage,
    feature_sources,
    measure_descriptions,
    tile_lineage,
)
from retention_assets.features.measures import MEASURES
from retention_assets.sources.contracts import TABLES

LINEAGE = feature_lineage(FEATURES, TABLES)
TRANSACTIONS = "validated/transactions"
ENGAGEMENT = "validated/engagement_events"
CUSTOMERS = "validated/customers"


def test_every_feature_comes_from_columns_that_exist() -> None:
    known = {
        (f"validated/{name}", column)
        for name, table in TABLES.items()
        for column in table.column_names
    }
    assert set(LINEAGE) == {feature.name for feature in FEATURES}
    for origins in (*LINEAGE.values(), *tile_lineage(MEASURES).values()):
        assert origins and set(origins) <= known and len(origins) == len(set(origins))


def test_measures_name_the_columns_of_value_and_filter() -> None:
    lineage = tile_lineage(MEASURES)
    when = [(TRANSACTIONS, "customer_id"), (TRANSACTIONS, "event_ts")]
    assert lineage["purchases"] == [*when, (TRANSACTIONS, "order_id"), (TRANSACTIONS, "kind")]
    assert lineage["net_revenue"] == [*when, (TRANSACTIONS, "amount"), (TRANSACTIONS, "kind")]
    assert lineage["active_days"] == [(ENGAGEMENT, "customer_id"), (ENGAGEMENT, "event_ts")]


def test_ratio_comes_from_columns_of_both_measures() -> None:
    assert set(LINEAGE["avg_order_value"]) == {
        (TRANSACTIONS, column)
        for column in ("customer_id", "event_ts", "amount", "kind", "order_id")
    }


def test_attribute_comes_from_the_customers_column() -> None:
    assert LINEAGE["plan_basic"] == [(CUSTOMERS, "plan")]


def test_rates_and_tenure_also_read_the_signup_date() -> None:
    assert LINEAGE["tenure_days"] == [(CUSTOMERS, "event_ts")]
    assert (CUSTOMERS, "event_ts") in LINEAGE["login_frequency_30d"]
    assert (CUSTOMERS, "event_ts") not in LINEAGE["revenue_30d"]


def test_lineage_leaves_out_tables_that_a_source_lacks() -> None:
    tables = ("customers", "transactions")
    lineage = feature_lineage(available_features(FEATURES, tables), tables)
    assert {key for origins in lineage.values() for key, _ in origins} == {CUSTOMERS, TRANSACTIONS}
    assert all(lineage.values())


def test_score_reads_tile_columns_of_its_components() -> None:
    sources = feature_sources(FEATURES, TABLES)
    tiles = ("community_posts", "feature_uses", "logins")
    assert sources["engagement_score"] == [
        *(("features/daily_activity", name) for name in tiles),
        (CUSTOMERS, "event_ts"),
    ]
    assert sources["tenure_days"] == [(CUSTOMERS, "event_ts")]
    assert sources["plan_basic"] == [(CUSTOMERS, "plan")]


def test_every_feature_and_measure_has_a_description() -> None:
    texts = feature_descriptions(FEATURES) | measure_descriptions(MEASURES)
    assert len(texts) == len(FEATURES) + len(MEASURES)
    assert [name for name, text in texts.items() if not text.endswith(".")] == []
