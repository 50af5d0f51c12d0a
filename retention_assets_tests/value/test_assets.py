"""value/customer_segments from tables to the page: segments now, a week ago, and who left since.

As of 2024-05-30, 150 days after the start; the labels of 113 days after the start are final.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from retention_assets import keys
from retention_assets.features import assets as features
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.settings import Settings
from retention_assets.value import assets as value
from retention_assets.value.assignment import past_segments, read_inputs
from retention_assets.value.segments import features_read, segment_version, source_segments
from retention_assets_tests.runs import check_results, materialized
from serve.states import ACTIVE, LAPSED, RETURNED

START = date(2024, 1, 1)
AS_OF = START + timedelta(days=150)
PROFILE = """
start: 2024-01-01
churn: {kind: inactivity, horizon_days: 30, reporting_lag_days: 0, lapsed_after_days: 36}
tables:
  transactions: &orders
    path: orders.csv
    format: csv
    source_columns: {order: string, customer: string, day: date, total: double}
    columns: {transaction_id: order, order_id: order, customer_id: customer, event_ts: day,
              kind: "'sale'", amount: total}
  customers: {<<: *orders, derive: first_seen, columns: {customer_id: customer, event_ts: day}}
"""
# Days with an order, its amount; segments a week ago and now.
CUSTOMERS = {
    "often, much": (range(1, 150, 7), 100.0, "champions", "champions"),
    "often, little": (range(1, 150, 7), 5.0, "regulars", "regulars"),
    "silent since May": (range(0, 111, 10), 5.0, "regulars", "lapsed"),
    "back": ([5, 10, 15, 120, 130, 140, 148], 5.0, "won_back", "won_back"),
    "first order in May": ([118], 5.0, "newcomers", "one_time_buyers"),
    "new": ([146, 147], 5.0, None, "newcomers"),
}
STATES = {"silent since May": LAPSED, "back": RETURNED}
FACTS = (
    "*",
    "event_ts ingested_ts",
    "event_ts stated_ts",
    "false is_correction",
    "false is_gone",
    "to_date(event_ts) arrival_date",
)


def fill(lake: Lake, platform: Platform) -> None:
    """The validated tables, the tiles and the watermark of these customers."""
    orders = [
        (
            f"{name} {day}",
            name,
            datetime.combine(START, datetime.min.time(), UTC) + timedelta(day),
            amount,
        )
        for name, (days, amount, *_) in CUSTOMERS.items()
        for day in days
    ]
    schema = "transaction_id string, customer_id string, event_ts timestamp, amount double"
    sales = lake.spark.createDataFrame(orders, schema).selectExpr(
        *FACTS, "transaction_id order_id", "'sale' kind", "1.0D quantity"
    )
    first = sales.groupBy("customer_id").agg({"event_ts": "min"}).toDF("customer_id", "event_ts")
    validated = {"transactions": sales, "customers": first.selectExpr(*FACTS)}
    for name, frame in validated.items():
        lake.overwrite(keys.validated(name), frame)
    measures = available_measures(platform.profile.tables)
    tiles = daily_activity(validated, measures, START, AS_OF)
    lake.overwrite(keys.DAILY_ACTIVITY, tiles)
    last = AS_OF - timedelta(days=1)
    watermark = lake.spark.createDataFrame([(last, last)], "watermark date, labels_through date")
    lake.overwrite(keys.WATERMARK, watermark)


@pytest.fixture(scope="module")
def platform(module_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Of these customers, whose tables are in the module's lake."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.yaml").write_text(PROFILE)
    (folder / "orders.csv").write_text("order,customer,day,total\n")
    settings = Settings(
        home=folder / "home", source=str(folder / "shop.yaml"), data_dir=None, gap_days=7
    )
    platform = Platform.of(settings)
    fill(module_lake, platform)
    return platform


@pytest.fixture(scope="module")
def result(module_lake: Lake, platform: Platform) -> Iterator[dg.ExecuteInProcessResult]:
    tables = ("transactions", "demographics")
    names = (*map(keys.customer_features, tables), keys.CUSTOMER_STATE, keys.CUSTOMER_SEGMENTS)
    with dg.DagsterInstance.ephemeral() as instance:
        yield dg.materialize(
            [*features.assets(platform), *value.assets(platform)],
            resources={"lake": module_lake},
            selection=[asset_key(name) for name in names],
            instance=instance,
        )


@pytest.fixture(scope="module")
def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return materialized(result)[keys.CUSTOMER_SEGMENTS]


def test_each_customer_has_a_segment_now_and_a_week_ago(
    module_lake: Lake, result: dg.ExecuteInProcessResult, metadata: dict[str, Any]
) -> None:
    rows = {row["customer_id"]: row for row in module_lake.read(keys.CUSTOMER_SEGMENTS).collect()}
    segments = {name: (row["segment_week_ago"], row["segment"]) for name, row in rows.items()}
    assert segments == {name: tuple(after) for name, (_, _, *after) in CUSTOMERS.items()}
    assert {name: row["state"] for name, row in rows.items()} == {
        name: STATES.get(name, ACTIVE) for name in CUSTOMERS
    }
    assert {row["as_of"] for row in rows.values()} == {AS_OF}
    version = segment_version(source_segments(("customers", "transactions"), 600.0))
    assert {row["segment_version"] for row in rows.values()} == {version}
    assert (metadata["segment_version"], metadata["dagster/row_count"]) == (version, len(CUSTOMERS))
    assert check_results(result)["each_customer_once"]


@pytest.mark.usefixtures("result")
def test_past_day_gives_what_its_tables_gave(module_lake: Lake, platform: Platform) -> None:
    """The segments of today from the tiles equal those from features/*."""
    tables = platform.profile.tables
    segments = source_segments(tables, 600.0)
    inputs = read_inputs(module_lake.read, platform.profile, features_read(tables, segments))
    past = past_segments(
        [AS_OF], inputs=inputs, segments=segments, window=LabelWindow(7, 30), known_on=AS_OF
    )
    columns = ("customer_id", "as_of", "segment", "state")
    current = module_lake.read(keys.CUSTOMER_SEGMENTS)
    rows = [sorted(frame.select(*columns).collect()) for frame in (past, current)]
    assert rows[0] == rows[1] and len(rows[0]) == len(CUSTOMERS)


def test_page_shows_size_value_churn_and_play(metadata: dict[str, Any]) -> None:
    records = {row.data["segment"]: row.data for row in metadata["segments"].records}
    regulars = records["regulars"]
    # Of two regulars 37 days earlier, the one who has been silent since has lapsed.
    assert metadata["churn_rate_of_members_on"] == str(START + timedelta(days=113))
    assert (regulars["churn_rate"], regulars["churn_rate_of"]) == (0.5, 2)
    assert (regulars["customers"], regulars["share"]) == (1, pytest.approx(1 / 6, abs=1e-6))
    assert records["champions"]["mean_revenue_90d"] == pytest.approx(1300.0)
    assert records["champions"]["churn_rate"] == 0.0
    assert records["lapsed"]["churn_rate"] is None
    assert all(row["proposed_play"] and row["meaning"] for row in records.values())
    for picture in ("treemap", "migration"):
        assert metadata[picture].startswith("![](data:image/png;base64,")
    assert all(column.description for column in metadata["dagster/column_schema"].columns)


def test_page_names_what_the_source_lacks(metadata: dict[str, Any]) -> None:
    records = {row.data["segment"]: row.data for row in metadata["left_out"].records}
    assert {name: row["missing"] for name, row in records.items()} == {
        "cooling": "engagement_score",
        "champions": "engagement_score",
    }


def test_moves_of_customers_who_could_leave_are_checked(result: dg.ExecuteInProcessResult) -> None:
    (evaluation,) = [
        item
        for item in result.get_asset_check_evaluations()
        if item.check_name == "segments_are_stable"
    ]
    assert evaluation.metadata["customers"].value == 5
    assert evaluation.metadata["share_moved"].value == pytest.approx(0.4)
    assert not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.WARN
