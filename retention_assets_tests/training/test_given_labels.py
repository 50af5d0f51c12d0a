"""A source that gives its labels: from files to the rows of training/churn_examples.

Horizon 30 and lag 7: labels as of Thursday 2024-02-01 are final on 9 March, those as of Monday
5 February on 13 March.
"""

import io
from datetime import date
from typing import Any

import pytest
import yaml
from rich.console import Console

from retention_assets.automation.reconciliation import Reconciliation
from retention_assets.cli.progress import RunDisplay
from retention_assets.definitions import build_definitions
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import PARTITION_ROW_COUNT, asset_key
from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings

PROFILE = r"""
start: 2024-01-01
end: 2024-03-20
max_quarantined_share: 0.5
churn: {kind: label, horizon_days: 30, reporting_lag_days: 7}
tables:
  transactions: &orders
    path: orders.csv
    format: csv
    source_columns: {order: string, customer: string, day: date, total: double}
    columns: {transaction_id: order, order_id: order, customer_id: customer, event_ts: day,
              kind: "'sale'", amount: total}
  customers: {<<: *orders, derive: first_seen, columns: {customer_id: customer, event_ts: day}}
  churn_labels:
    path: labels/*.csv
    format: csv
    day_from_filename: (\d{4}-\d{2}-\d{2})\.csv
    source_columns: {customer: string, as_of: date, outcome: int, known: date}
    columns: {customer_id: customer, event_ts: as_of, ingested_ts: known, churned: outcome}
"""
# Eve is not known as of the day of her label. The last order sets the watermark.
ORDERS = """order,customer,day,total
1,ann,2024-01-02,5
2,ann,2024-02-02,5
3,bob,2024-01-20,5
4,cid,2024-01-20,5
5,dan,2024-01-20,5
6,eve,2024-02-10,5
7,eve,2024-03-20,5
"""
LABELS = {
    "2024-03-04": ["ann,2024-02-01,0,2024-03-03", "bob,2024-02-01,1,2024-03-03",
                   "cid,2024-02-01,2,2024-03-03", "eve,2024-02-01,1,2024-03-03"],
    "2024-03-08": ["ann,2024-02-05,1,2024-03-07", "bob,2024-02-05,0,2024-03-07"],
    "2024-03-20": ["cid,2024-02-05,1,2024-03-19", "ann,2024-02-01,1,2024-03-19"],
}  # fmt: skip


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "shop.yaml").write_text(yaml.safe_dump(yaml.safe_load(PROFILE)))
    (folder / "orders.csv").write_text(ORDERS)
    (folder / "labels").mkdir()
    for day, rows in LABELS.items():
        lines = ["customer,as_of,outcome,known", *rows]
        (folder / "labels" / f"{day}.csv").write_text("\n".join(lines) + "\n")
    return Platform.of(
        Settings(
            home=folder / "home",
            source=str(folder / "shop.yaml"),
            data_dir=None,
            min_history_days=7,
        )
    )


@pytest.fixture(scope="module")
def examples_by_week(platform: Platform, lake: Lake) -> dict[str, int]:
    """Rows of each week of training/churn_examples, made in the suite's Spark session."""
    assert lake.spark
    display = RunDisplay(Console(file=io.StringIO()))
    with open_instance(platform.settings) as instance:
        graph = Reconciliation(build_definitions(platform), platform, instance, display)
        graph.materialize_selected(
            'group:"ingestion" or group:"validation" or key:"features/daily_activity"'
        )
        graph.materialize_selected('key:"training/churn_examples"')
        events = instance.fetch_materializations(asset_key("training/churn_examples"), limit=100)
        return {
            record.partition_key or "": record.asset_materialization.metadata[
                PARTITION_ROW_COUNT
            ].value
            for record in events.records
            if record.asset_materialization
        }


def rows(platform: Platform, key: str) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    return DeltaTable(f"{platform.settings.lake_root}/{key}").to_pyarrow_table().to_pylist()


def test_each_known_outcome_becomes_one_example(
    platform: Platform, examples_by_week: dict[str, int]
) -> None:
    """Features are as of the day of the label, a Thursday or a Monday."""
    examples = rows(platform, "training/churn_examples")
    columns = ("customer_id", "as_of", "label", "recency_days")
    assert {tuple(row[name] for name in columns) for row in examples} == {
        ("ann", date(2024, 2, 1), 0, 30.0),
        ("bob", date(2024, 2, 1), 1, 12.0),
        ("ann", date(2024, 2, 5), 1, 3.0),
        ("bob", date(2024, 2, 5), 0, 16.0),
    }
    assert examples_by_week["2024-01-29"] == examples_by_week["2024-02-05"] == 2
    assert sum(examples_by_week.values()) == len(examples)


@pytest.mark.usefixtures("examples_by_week")
def test_wrong_and_repeated_outcomes_are_quarantined(platform: Platform) -> None:
    """An outcome that arrives a month after its day is not wrong."""
    reasons = {
        row["raw_text"]: row["quarantine_reason"]
        for row in rows(platform, "quarantine/churn_labels")
    }
    assert sorted(reasons.values()) == [
        "churned cannot be read as boolean",
        "duplicate of an earlier row with the same customer_id, event_ts",
    ]
    assert len(rows(platform, "validated/churn_labels")) == 6
