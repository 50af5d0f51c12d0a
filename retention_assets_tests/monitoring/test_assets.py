"""monitoring/* on a real lake and registry: drift is seen and drawn, and data that fails its checks forbids a training."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.monitoring import assets as monitoring
from retention_assets.monitoring.assets import DECISION, DRIFT
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests.resources.models import registered
from retention_assets_tests.runs import check_results, materialized

NOW, TRAINED, CUSTOMERS = date(2024, 6, 10), date(2024, 3, 4), 400
SHIFTED = "login_frequency_30d"
GUARDED = dg.AssetKey(["validated", "customers"])
GUARD = "rows_in_equals_rows_out"


class Stage:
    """The stage on a source whose features are all noise, but for one that has moved since the training."""

    def __init__(self, lake: Lake, home: Path) -> None:
        self.platform, self.lake = Platform.of(Settings(home=home, source="simulated")), lake
        self.registry, self.instance = (
            Registry.of(self.platform.settings),
            dg.DagsterInstance.ephemeral(),
        )
        self.registry.prepare()
        self.features = [
            item for item in available_features(FEATURES, self.platform.profile.tables) if item.model_input
        ]

    def fill(self) -> None:
        rng = np.random.default_rng(3)
        groups = {f"features/customer_{item.group}" for item in self.features}
        for table in sorted(groups):
            names = [item.name for item in self.features if table.endswith(item.group)]
            values = rng.normal(size=(CUSTOMERS, len(names)))
            if SHIFTED in names:
                values[:, names.index(SHIFTED)] += 1.0
            self._write(table, names, NOW, values)
        names = [item.name for item in self.features]
        self._write(
            "training/churn_examples", names, TRAINED, rng.normal(size=(CUSTOMERS, len(names)))
        )
        self._write("training/churn_xgboost", [], date(2024, 2, 5), np.empty((CUSTOMERS, 0)))
        self._table("validated/watermark", "watermark date", [(NOW,)])
        self._table(
            "validated/churn_events",
            "customer_id string, event_ts timestamp, ingested_ts timestamp",
            [],
        )

    def champion(self, folder: Path) -> str:
        version, _ = registered(self.registry, folder)
        self.registry._client.set_model_version_tag(
            "churn", version, "trained_through", str(TRAINED)
        )
        self.registry.promote("churn", version)
        return version

    def judge(self, passed: bool) -> None:
        """What an earlier run said of a table that everything stands on."""
        said = dg.AssetCheckEvaluation(
            asset_key=GUARDED, check_name=GUARD, passed=passed, metadata={}
        )
        self.instance.report_runless_asset_event(said)

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
    made = Stage(module_lake, tmp_path_factory.mktemp("home"))
    made.fill()
    return made


def test_without_a_champion_there_is_nothing_to_have_drifted_from(stage: Stage) -> None:
    result = stage.materialize()
    said = materialized(result)
    assert check_results(result) == {"no_feature_drift": True}
    assert (said[DRIFT]["champion"], said[DRIFT]["dagster/row_count"]) == (
        "none yet",
        0,
    ) and "heat_map" not in said[DRIFT]
    assert "28 days ago" in said[DECISION]["reason"]


def test_a_feature_that_moved_is_named_drawn_and_asks_for_a_training(
    stage: Stage, tmp_path: Path
) -> None:
    version = stage.champion(tmp_path / "model")
    stage.judge(passed=True)
    result = stage.materialize()
    said = materialized(result)
    assert check_results(result) == {"no_feature_drift": False}
    assert (said[DRIFT]["drifted_features"], said[DRIFT]["champion"]) == ([SHIFTED], version)
    assert said[DRIFT]["heat_map"].startswith("![](data:image/png;base64,")
    compared = {row["feature"] for row in stage.lake.read(DRIFT).collect()}
    assert compared == {item.name for item in stage.features if item.monitored}
    assert said[DECISION]["retrain"] and SHIFTED in said[DECISION]["reason"]
    assert said[DECISION]["new_labels"] == CUSTOMERS


def test_the_same_drift_in_data_that_fails_a_check_asks_for_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    stage.champion(tmp_path / "model")
    stage.judge(passed=False)
    said = materialized(stage.materialize())
    assert said[DRIFT]["drifted"] and not said[DECISION]["retrain"]
    assert said[DECISION]["reason"] == f"Data first: 1 checks fail (validated/customers: {GUARD})."
