"""The graph up to the champion on the real invoices of a retailer, without services.

Skipped where the data is not there.
"""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from retention_assets.automation.reconciliation import Reconciliation
from retention_assets.cli.progress import RunDisplay
from retention_assets.definitions import build_definitions
from retention_assets.keys import CHURN
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings

INVOICE_LINES = 541_909
REASONS = {
    "customer_id is missing",
    "amount must be > 0",
}

pytestmark = [pytest.mark.timeout(900), pytest.mark.long]


@pytest.fixture(scope="module")
def settings(
    online_retail_dir: Path, tmp_path_factory: pytest.TempPathFactory, lake: Lake
) -> Settings:
    """A home whose graph is made up to the champion, in the suite's Spark session."""
    assert lake.spark
    settings = Settings(
        home=tmp_path_factory.mktemp("online_retail"),
        source="online_retail",
        data_dir=online_retail_dir,
    )
    platform = Platform.of(settings)
    display = RunDisplay(Console(file=io.StringIO()))
    with open_instance(settings) as instance:
        graph = Reconciliation(build_definitions(platform), platform, instance, display)
        graph.materialize_selected(
            'group:"ingestion" or group:"validation" or key:"features/daily_activity"'
        )
        graph.materialize_selected('group:"training"')
    return settings


def rows(settings: Settings, key: str, columns: list[str] | None = None) -> list[dict[str, Any]]:
    from deltalake import DeltaTable

    table = DeltaTable(f"{settings.lake_root}/{key}")
    return table.to_pyarrow_table(columns=columns).to_pylist()


def transaction_ids(settings: Settings, stage: str) -> list[str]:
    column = "transaction_id"
    return [row[column] for row in rows(settings, f"{stage}/transactions", [column])]


def champion(settings: Settings) -> ModelVersion:
    version = Registry.of(settings).champion(CHURN)
    assert version is not None
    return version


def test_every_invoice_line_is_kept_with_its_reason(settings: Settings) -> None:
    """Or repeats another one: then it is in raw/transactions only."""
    raw, valid, invalid = (
        transaction_ids(settings, stage) for stage in ("raw", "validated", "quarantine")
    )
    assert len(raw) == INVOICE_LINES
    assert len(valid) == len(set(valid)) and set(raw) == {*valid, *invalid}
    repeats = Counter(raw) - Counter(valid) - Counter(invalid)
    assert repeats.total() > 0 and not set(repeats) - set(valid)
    quarantined = rows(settings, "quarantine/transactions", ["quarantine_reason"])
    reasons = {reason for row in quarantined for reason in row["quarantine_reason"].split("; ")}
    assert reasons == REASONS


def test_champion_ranks_better_than_recency(settings: Settings) -> None:
    board = {row["candidate"]: row for row in rows(settings, "training/churn_leaderboard")}
    best = board[champion(settings).candidate]
    recency = board["recency_only"]
    assert best["auc"] >= 0.74
    assert best["auc_low"] > recency["auc"]
    assert best["brier_high"] < recency["brier"]
    assert 0.3 < best["base_rate"] < 0.6


def test_features_of_missing_tables_are_absent(settings: Settings) -> None:
    from serve.model.bundle import read_card

    registry = Registry.of(settings)
    version = champion(settings).version
    features = set(read_card(registry.download(CHURN, version, registry.downloads)).features)
    assert {"recency_days", "avg_order_value"} <= features
    assert not features & {"login_frequency_30d", "plan_basic"}
