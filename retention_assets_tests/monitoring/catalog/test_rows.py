"""The rows of the catalog and its page."""

from retention_assets.features.declarations import FEATURES
from retention_assets.features.expressions import Sum, TenureDays
from retention_assets.features.feature import Feature
from retention_assets.monitoring.catalog.rows import (
    CatalogRow,
    ShiftOfFeature,
    catalog_page,
    catalog_rows,
)
from retention_assets.sources.contracts import TABLES

ORDERS = Feature("orders_30d", "transactions", Sum("purchases", 30), "Orders | 30 days.")
TENURE = Feature("tenure", "demographics", TenureDays(), "Days.", "Not measured.")
LOGINS = Feature("logins", "behavior", Sum("logins"), "Logins so far.")


def rows_of(*features: Feature) -> dict[str, CatalogRow]:
    rows = catalog_rows(
        features,
        ("customers", "transactions"),
        unknown={"orders_30d": 0.25},
        shifts={"orders_30d": ShiftOfFeature(0.5, has_drifted=True)},
        importance={"orders_30d": 0.01},
    )
    return {row.feature: row for row in rows}


def test_each_feature_has_one_row() -> None:
    rows = catalog_rows(FEATURES, tuple(TABLES), unknown={}, shifts={}, importance={})
    assert [row.feature for row in rows] == [item.name for item in FEATURES]


def test_windows_and_reasons_follow_the_declaration() -> None:
    rows = rows_of(ORDERS, TENURE, LOGINS)
    assert [row.window_days for row in rows.values()] == [30, 0, None]
    assert rows["orders_30d"].left_out_because is None
    assert rows["tenure"].left_out_because == "Not measured."


def test_feature_that_a_source_lacks_says_what_is_missing() -> None:
    reason = rows_of(LOGINS)["logins"].left_out_because
    assert reason == "It cannot be computed: the source has no engagement_events."


def test_page_is_a_table_of_each_kind() -> None:
    page = catalog_page(list(rows_of(ORDERS, TENURE, LOGINS).values()))
    assert "### Models read 1 features" in page and "### Models do not read 2 features" in page
    assert (
        "| `orders_30d` | transactions | 30 | 25.0% | 0.50 (drifted) | 0.0100 "
        "| Orders / 30 days. |" in page.splitlines()
    )
    assert "| `tenure` | demographics | 0 |  | Not measured. | Days. |" in page.splitlines()
