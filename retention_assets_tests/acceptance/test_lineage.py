"""What the Dagster UI shows of an asset: columns with meaning and origin, rows of each partition,
links to MLflow, where its table lies, and its source code.
"""

from datetime import timedelta
from typing import Any

import pytest

from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets_tests.acceptance.running_platform import RunningPlatform

ASSET = """
query Asset($key: AssetKeyInput!, $partitions: [String!]) {
  assetNodeOrError(assetKey: $key) {
    ... on AssetNode {
      description
      dependencyKeys { path }
      metadataEntries { ...Entry }
      assetMaterializations(limit: 1, partitions: $partitions) {
        partition
        metadataEntries { ...Entry }
      }
    }
  }
}
fragment Entry on MetadataEntry {
  label
  __typename
  ... on TextMetadataEntry { text }
  ... on UrlMetadataEntry { url }
  ... on IntMetadataEntry { intValue }
  ... on TableSchemaMetadataEntry { schema { columns { name description } } }
  ... on TableColumnLineageMetadataEntry {
    lineage { columnName columnDeps { assetKey { path } columnName } }
  }
  ... on TableMetadataEntry { table { records schema { columns { name } } } }
}
"""

pytestmark = [pytest.mark.usefixtures("first_run"), pytest.mark.long]


def asset(
    platform: RunningPlatform, key: str, partition: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The asset's node, and the metadata of its definition and latest materialization by label."""
    partitions = [partition] if partition else None
    data = platform.graphql(ASSET, key={"path": key.split("/")}, partitions=partitions)
    node = data["assetNodeOrError"]
    entries = [*node["metadataEntries"], *node["assetMaterializations"][0]["metadataEntries"]]
    return node, {entry["label"]: entry for entry in entries}


def origins(metadata: dict[str, Any]) -> dict[str, set[tuple[str, str]]]:
    """Column -> the (asset, column) pairs that it comes from."""
    return {
        column["columnName"]: {
            ("/".join(source["assetKey"]["path"]), source["columnName"])
            for source in column["columnDeps"]
        }
        for column in metadata["dagster/column_lineage"]["lineage"]
    }


@pytest.mark.parametrize(
    "key",
    [
        "raw/transactions",
        "validated/transactions",
        "quarantine/transactions",
        "features/daily_activity",
        "features/customer_transactions",
        "training/churn_examples",
        "training/churn_xgboost",
        "training/churn_leaderboard",
        "training/churn_champion",
        "decisions/churn_scores",
    ],
)
def test_every_column_is_described(platform: RunningPlatform, key: str) -> None:
    _, metadata = asset(platform, key)
    columns = metadata["dagster/column_schema"]["schema"]["columns"]
    assert columns
    assert [column["name"] for column in columns if not column["description"]] == []


def test_features_lead_back_to_validated_columns(platform: RunningPlatform) -> None:
    _, features = asset(platform, "features/customer_transactions")
    sources = origins(features)["purchase_frequency_30d"]
    assert ("features/daily_activity", "purchases") in sources
    _, tiles = asset(platform, "features/daily_activity")
    assert ("validated/transactions", "order_id") in origins(tiles)["purchases"]
    _, validated = asset(platform, "validated/transactions")
    assert origins(validated)["order_id"] == {("raw/transactions", "order_id")}


def test_examples_lead_back_to_tiles(platform: RunningPlatform) -> None:
    _, metadata = asset(platform, "training/churn_examples")
    columns = origins(metadata)
    assert ("features/daily_activity", "purchases") in columns["purchase_frequency_30d"]
    assert ("validated/churn_events", "event_ts") in columns["label"]


def test_partitions_show_their_own_rows(platform: RunningPlatform) -> None:
    counts: dict[str, int] = {}
    for row in platform.rows("raw/engagement_events", ["arrival_date"]):
        day = str(row["arrival_date"])
        counts[day] = counts.get(day, 0) + 1
    days = [str(FIRST_DATE + timedelta(days=offset)) for offset in (10, 50)]
    assert counts[days[0]] != counts[days[1]]
    for day in days:
        _, metadata = asset(platform, "raw/engagement_events", day)
        assert metadata["dagster/partition_row_count"]["intValue"] == counts[day]
        assert "dagster/row_count" not in metadata


def test_tables_show_name_uri_and_code(platform: RunningPlatform) -> None:
    _, metadata = asset(platform, "features/customer_transactions")
    uri = metadata["dagster/uri"]["text"]
    assert uri.endswith("/features/customer_transactions")
    assert metadata["dagster/table_name"]["text"] == "features.customer_transactions"
    assert "dagster/code_references" in metadata


def test_champion_links_to_mlflow(platform: RunningPlatform) -> None:
    _, metadata = asset(platform, "training/churn_champion")
    address = f"http://127.0.0.1:{platform.settings.mlflow_port}"
    urls = [entry["url"] for entry in metadata.values() if "url" in entry]
    assert [url for url in urls if url.startswith(address)]
    assert metadata["model_version"]["text"] == "1"


def test_gates_are_sentences_with_figures_in_columns(platform: RunningPlatform) -> None:
    _, metadata = asset(platform, "training/churn_champion")
    columns = {column["name"] for column in metadata["gates"]["table"]["schema"]["columns"]}
    assert {"gate", "passed", "reason"} < columns
    assert len(columns) > 3
