"""monitoring/* on a real lake and registry: drift is reported; failed checks forbid a training."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from pyspark.sql import functions as F

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.keys import FEATURE_CATALOG as CATALOG
from retention_assets.keys import FEATURE_DRIFT as DRIFT
from retention_assets.keys import RETRAINING_DECISION as DECISION
from retention_assets.monitoring import assets as monitoring
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests.resources.models import registered
from retention_assets_tests.runs import check_results, materialized

NOW = date(2024, 6, 10)
TRAINED = date(2024, 3, 4)
MATURED = date(2024, 3, 11)  # a week later
CUSTOMERS = 400
SHIFTED = "engagement_score"
IGNORED = "login_frequency_30d"  # by the champion
GUARDED = dg.AssetKey(["validated", "customers"])
GUARD = "rows_in_equals_rows_out"


class Stage:
    """The stage on a source of random features, two of which have shifted since the training."""

    def __init__(self, lake: Lake, home: Path) -> None:
        self.platform = Platform.of(Settings(home=home, source="simulated"))
        self.lake = lake
        self.registry = Registry.of(self.platform.settings)
        self.instance = dg.DagsterInstance.ephemeral()
        self.registry.prepare()
        self.available = available_features(FEATURES, self.platform.profile.tables)
        self.features = [item for item in self.available if item.is_model_input]

    def fill(self) -> None:
        rng = np.random.default_rng(3)
        groups = {f"features/customer_{item.group}" for item in self.features}
        for table in sorted(groups):
            names = [item.name for item in self.available if table.endswith(item.group)]
            values = rng.normal(size=(CUSTOMERS, len(names)))
            for name in {SHIFTED, IGNORED} & set(names):
                values[:, names.index(name)] += 1.0
            self._write(table, names, NOW, values)
        names = [item.name for item in self.features]
        values = rng.normal(size=(CUSTOMERS, len(names)))
        self._write("training/churn_examples", names, TRAINED, values)
        week = self.lake.read("training/churn_examples").withColumn("as_of", F.lit(MATURED))
        self.lake.replace_days(
            "training/churn_examples", week, "as_of", first=MATURED, last=MATURED
        )
        self._write("training/churn_xgboost", [], date(2024, 2, 5), np.empty((CUSTOMERS, 0)))
        self._table("validated/watermark", "watermark date", [(NOW,)])
        states = [(f"C{at:04d}", NOW, "active") for at in range(CUSTOMERS)]
        schema = "customer_id string, as_of date, state string"
        self._table("features/customer_state", schema, states)

    def champion(self, folder: Path, intercept: float = 0.0) -> str:
        version, _ = registered(self.registry, folder, intercept)
        self.registry._client.set_model_version_tag(
            self.registry.model_name("churn"), version, "trained_through", str(TRAINED)
        )
        self.registry.promote("churn", version)
        return version

    def report_check(self, passed: bool) -> None:
        """The result of a data check in an earlier run."""
        evaluation = dg.AssetCheckEvaluation(
            asset_key=GUARDED, check_name=GUARD, passed=passed, metadata={}
        )
        self.instance.report_runless_asset_event(evaluation)

    def materialize(self) -> dg.ExecuteInProcessResult:
        resources = {"lake": self.lake, "registry": self.registry}
        return dg.materialize(
            monitoring.assets(self.platform), resources=resources, instance=self.instance
        )

    def _write(self, table: str, names: Sequence[str], as_of: date, values: np.ndarray) -> None:
        rows = [(f"C{at:04d}", as_of, *map(float, row)) for at, row in enumerate(values)]
        self._table(
            table,
            ", ".join(["customer_id string", "as_of date", *(f"{name} double" for name in names)]),
            rows,
        )

    def _table(self, key: str, schema: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self.lake.overwrite(key, self.lake.spark.createDataFrame(rows, schema))


@pytest.fixture(scope="module")
def stage(module_lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(module_lake, tmp_path_factory.mktemp("home"))
    stage.fill()
    return stage


def test_without_champion_nothing_has_drifted(stage: Stage) -> None:
    result = stage.materialize()
    metadata = materialized(result)
    assert check_results(result) == {"no_feature_drift": True}
    assert (metadata[DRIFT]["champion"], metadata[DRIFT]["dagster/row_count"]) == (
        "none yet",
        0,
    ) and "heat_map" not in metadata[DRIFT]
    assert "35 days ago" in metadata[DECISION]["reason"]
    rows = stage.lake.read(CATALOG).collect()
    assert metadata[CATALOG]["champion"] == "none yet"
    assert [row["feature"] for row in rows if row["drift"] or row["importance"]] == []


def test_shifted_feature_is_reported_and_asks_for_training(stage: Stage, tmp_path: Path) -> None:
    version = stage.champion(tmp_path / "model")
    stage.report_check(passed=True)
    result = stage.materialize()
    metadata = materialized(result)
    assert check_results(result) == {"no_feature_drift": False}
    assert set(metadata[DRIFT]["drifted_features"]) == {SHIFTED, IGNORED}
    assert metadata[DRIFT]["champion"] == version
    assert metadata[DRIFT]["heat_map"].startswith("![](data:image/png;base64,")
    rows = {row["feature"]: row for row in stage.lake.read(DRIFT).collect()}
    assert rows.keys() == {item.name for item in stage.features if item.monitored}
    assert rows[SHIFTED]["score_shift"] > 0.1 and rows[SHIFTED]["matters"]
    assert rows[IGNORED]["score_shift"] == 0 and not rows[IGNORED]["matters"]
    assert rows["recency_days"]["score_shift"] is None and not rows["recency_days"]["matters"]
    assert metadata[DECISION]["action"] == "search"
    assert f"1 features have drifted and move scores ({SHIFTED})" in metadata[DECISION]["reason"]
    assert metadata[DECISION]["new_customers"] == CUSTOMERS

    in_catalog = {row["feature"]: row for row in stage.lake.read(CATALOG).collect()}
    assert in_catalog.keys() == {item.name for item in FEATURES}
    assert in_catalog[SHIFTED]["has_drifted"] and in_catalog[SHIFTED]["drift"] > 0.5
    assert in_catalog[SHIFTED]["importance"] > 0.1 and in_catalog[IGNORED]["importance"] is None
    assert in_catalog["high_risk_churn"]["left_out_because"] == "It restates the label."
    assert f"| `{SHIFTED}` | behavior | 90 | 0.0% |" in metadata[CATALOG]["catalog"]


def test_drift_that_moves_no_score_asks_for_nothing(stage: Stage, tmp_path: Path) -> None:
    """A champion that is sure of everybody stays sure."""
    stage.champion(tmp_path / "model", intercept=60.0)
    stage.report_check(passed=True)
    metadata = materialized(stage.materialize())
    assert set(metadata[DRIFT]["drifted_features"]) == {SHIFTED, IGNORED}
    assert "drifted" not in metadata[DECISION]["reason"]


def test_failed_data_check_forbids_training_on_drift(stage: Stage, tmp_path: Path) -> None:
    stage.champion(tmp_path / "model")
    stage.report_check(passed=False)
    metadata = materialized(stage.materialize())
    assert metadata[DRIFT]["drifted"] and metadata[DECISION]["action"] == "none"
    assert metadata[DECISION]["reason"] == f"1 data checks fail (validated/customers: {GUARD})."
