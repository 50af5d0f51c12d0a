"""A source that gives its labels: from files to the rows of training/churn_examples.

Horizon 30 and lag 7: labels as of Thursday 2024-02-01 are final on 9 March, those as of Monday
5 February on 13 March.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import pytest

from retention_assets.automation.backlog import range_tags
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import PARTITION_ROW_COUNT, asset_key
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES
from retention_assets.training import assets as training
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import Split, split
from retention_assets_tests.ingestion.factories import read_table

LAST = date(2024, 3, 20)
WEEKS = range_tags(date(2024, 1, 22), date(2024, 2, 12))
EXAMPLES = "training/churn_examples"
PROFILE = r"""
start: 2024-01-01
end: 2024-03-20
max_quarantined_share: 0.5
churn: {kind: label, horizon_days: 30, reporting_lag_days: 7}
tables:
  transactions: &orders
    path: orders.csv
    format: csv
    source_columns: {customer: string, day: date, total: double}
    columns: {transaction_id: day, order_id: day, customer_id: customer, event_ts: day,
              kind: "'sale'", amount: total}
  customers: {<<: *orders, derive: first_seen, columns: {customer_id: customer, event_ts: day}}
  churn_labels:
    path: labels/*.csv
    format: csv
    day_from_filename: (\d{4}-\d{2}-\d{2})\.csv
    source_columns: {customer: string, as_of: date, outcome: int, known: date}
    columns: {customer_id: customer, event_ts: as_of, ingested_ts: known, churned: outcome}
"""
# Eve is not known as of the day of her label.
SALES = [
    ("ann", "2024-01-02"),
    ("ann", "2024-02-02"),
    ("bob", "2024-01-20"),
    ("cid", "2024-01-20"),
    ("eve", "2024-02-10"),
]
LABELS = {
    "2024-03-04": ["ann,2024-02-01,0,2024-03-03", "bob,2024-02-01,1,2024-03-03",
                   "cid,2024-02-01,2,2024-03-03", "eve,2024-02-01,1,2024-03-03"],
    "2024-03-08": ["ann,2024-02-05,1,2024-03-07", "bob,2024-02-05,0,2024-03-07"],
    "2024-03-20": ["cid,2024-02-05,1,2024-03-19", "ann,2024-02-01,1,2024-03-19"],
}  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.yaml").write_text(PROFILE)
    (folder / "orders.csv").write_text("customer,day,total\n")
    (folder / "labels").mkdir()
    for day, rows in LABELS.items():
        lines = ["customer,as_of,outcome,known", *rows]
        (folder / "labels" / f"{day}.csv").write_text("\n".join(lines) + "\n")
    source = str(folder / "shop.yaml")
    return Platform.of(
        Settings(home=folder / "home", source=source, data_dir=None, min_history_days=7)
    )


@pytest.fixture(scope="module")
def outcomes(platform: Platform, module_lake: Lake) -> Iterator[Split]:
    """The files' outcomes, valid and broken."""
    table = TABLES["churn_labels"]
    read = read_table(module_lake.spark, platform.profile, table.name, last=LAST)
    parts = split(read, table.key, rules_of(table, platform.profile.start))
    yield parts
    parts.release()


@pytest.fixture(scope="module")
def rows_by_week(platform: Platform, module_lake: Lake, outcomes: Split) -> dict[str, Any]:
    """Rows of each week of the examples."""
    spark = module_lake.spark
    sales = spark.createDataFrame(SALES, "customer_id string, day string").selectExpr(
        "customer_id",
        "day order_id",
        "customer_id || day transaction_id",
        "timestamp(day) event_ts",
        "timestamp(day) ingested_ts",
        "timestamp(day) stated_ts",
        "false is_correction",
        "false is_gone",
        "date(day) arrival_date",
        "'sale' kind",
        "5D amount",
    )
    measures = available_measures(platform.profile.tables)
    tiles = daily_activity({"transactions": sales}, measures, platform.profile.start, LAST)
    tables = {
        "validated/customers": sales.drop("order_id", "transaction_id", "kind", "amount"),
        "validated/transactions": sales,
        "validated/churn_labels": outcomes.valid,
        "validated/watermark": spark.createDataFrame([(LAST,)], "labels_through date"),
        "features/daily_activity": tiles,
    }
    for key, frame in tables.items():
        module_lake.overwrite(key, frame)
    examples, *_ = training.assets(platform)
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([examples], resources={"lake": module_lake}, tags=WEEKS, instance=instance)
        records = instance.fetch_materializations(asset_key(EXAMPLES), limit=100).records
    return {
        str(record.partition_key): record.asset_materialization.metadata[PARTITION_ROW_COUNT].value
        for record in records
        if record.asset_materialization
    }


def test_each_known_outcome_becomes_one_example(
    module_lake: Lake, rows_by_week: dict[str, Any]
) -> None:
    """Features are as of the day of the label, a Thursday or a Monday."""
    columns = ("customer_id", "as_of", "label", "recency_days")
    examples = [tuple(row) for row in module_lake.read(EXAMPLES).select(*columns).collect()]
    assert sorted(examples) == [
        ("ann", date(2024, 2, 1), 0, 30.0),
        ("ann", date(2024, 2, 5), 1, 3.0),
        ("bob", date(2024, 2, 1), 1, 12.0),
        ("bob", date(2024, 2, 5), 0, 16.0),
    ]
    assert {week: rows for week, rows in rows_by_week.items() if rows} == {
        "2024-01-29": 2,
        "2024-02-05": 2,
    }


def test_wrong_outcomes_are_quarantined_and_corrected_ones_kept(outcomes: Split) -> None:
    """An outcome that arrives a month after its day is not wrong. Ann's first one is corrected when
    labels are final.
    """
    broken = outcomes.broken.select("quarantine_reason").collect()
    reasons = [row["quarantine_reason"] for row in broken]
    assert reasons == ["churned cannot be read as boolean"]
    corrected = outcomes.valid.where("is_correction").select("customer_id", "churned").collect()
    assert [tuple(row) for row in corrected] == [("ann", True)]
    assert outcomes.valid.count() == 7
