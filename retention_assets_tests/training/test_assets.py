"""Training's assets on a real lake and a real MLflow: promotion, and what the UI shows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from retention_assets.errors import RegistryError
from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.examples import Examples
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets.training import assets as training
from retention_assets.training import task as training_task
from retention_assets_tests.modeling.factories import as_table, examples
from retention_assets_tests.runs import check_results, materialized

# Two that are fitted in an instant. The acceptance tests train all that are declared.
CANDIDATES = (candidate("xgboost"), candidate("logistic_regression"))
NAMES = [item.name for item in CANDIDATES]
Train = Callable[..., dict[str, dict[str, Any]]]
CHAMPION = "training/churn_champion"


@pytest.fixture
def registry(tmp_path: Path, registry_of: Callable[[Settings], Registry]) -> Registry:
    return registry_of(Settings(home=tmp_path))


def _refuses(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    raise ValueError("its matrix is singular")


@pytest.fixture
def train(lake: Lake, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Trains on these examples; metadata of every asset comes back as plain values, by key. With
    `selected`, only this asset is materialized, on what the others left.
    """
    monkeypatch.setattr(training_task, "CANDIDATES", CANDIDATES)
    settings = Settings(
        home=tmp_path,
        source="simulated",
        gap_days=7,
        test_weeks=3,
        folds=1,
        bootstrap_rounds=200,
        search_trials=2,
        calibration_tolerance=0.15,  # 400 customers cannot show less
    )
    selection = dg.AssetSelection.groups("training") - dg.AssetSelection.assets(
        "training/churn_examples"
    )

    def run(data: Examples, selected: str | None = None) -> dict[str, dict[str, Any]]:
        stage = training.assets(Platform.of(settings))
        lake.overwrite("training/churn_examples", lake.spark.createDataFrame(as_table(data)))
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                stage,
                resources={"lake": lake, "registry": registry},
                selection=dg.AssetSelection.assets(selected) if selected else selection,
                instance=instance,
            )
            return materialized(result) | {"checks": check_results(result)}

    return run


def shuffled(data: Examples) -> Examples:
    """The same rows with labels in random order."""
    labels = np.random.default_rng(0).permutation(data.y)
    return Examples(data.features, data.entities, data.as_of, data.X, labels)


def test_nothing_is_promoted_on_labels_without_signal(train: Train, registry: Registry) -> None:
    metadata = train(shuffled(examples(customers=300, weeks=26)))
    assert registry.champion("churn") is None
    decision = metadata["training/churn_champion"]
    assert not decision["promoted"]
    assert decision["champion"] == "none"
    assert decision["reason"].startswith("Nothing is promoted")
    assert "has_signal" in decision["reason"]
    assert not metadata["checks"]["has_signal"]
    assert not metadata["checks"]["better_than_trivial_baselines"]


def test_champion_is_renewed_when_examples_change(
    train: Train, registry: Registry, tmp_path: Path
) -> None:
    data = examples(customers=400, weeks=26)
    metadata = train(data)
    first = registry.champion("churn")
    assert first is not None and metadata["training/churn_champion"]["promoted"]
    assert first.digest == metadata["training/churn_champion"]["digest"]
    assert all(metadata["checks"].values())

    _shows_each_figure_with_its_interval(metadata)
    _describes_every_column(metadata)
    _logs_each_trial_under_its_candidate(metadata, registry)
    _refuses_a_tampered_folder(registry, first.version, tmp_path)

    turned = Examples(
        data.features, data.entities, data.as_of, data.X, (1 - data.y).astype(np.int8)
    )
    again = train(turned)
    second = registry.champion("churn")
    assert second is not None and second.version != first.version
    assert again["training/churn_champion"]["digest"] == second.digest
    assert again["checks"]["refit_agrees"]
    assert registry.download("churn", first.version, tmp_path / "kept").is_dir()

    same = train(turned, selected=CHAMPION)
    kept = registry.champion("churn")
    assert kept == second and not same["training/churn_champion"]["promoted"]


def test_candidate_that_cannot_be_fitted_is_left_out(
    train: Train, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its earlier scores go, its check says why, and the others are compared."""
    data = examples(customers=400, weeks=26)
    train(data)
    broken, other = CANDIDATES
    monkeypatch.setattr(training_task, "CANDIDATES", (replace(broken, fit=_refuses), other))
    metadata = train(data)
    assert metadata[f"training/churn_{broken.name}"]["dagster/row_count"] == 0
    assert "mlflow_run" not in metadata[f"training/churn_{broken.name}"]
    rows = metadata["training/churn_leaderboard"]["leaderboard"]
    assert [row["candidate"] for row in rows if row["kind"] == "candidate"] == [other.name]
    champion = registry.champion("churn")
    assert champion is not None and champion.candidate == other.name


def _shows_each_figure_with_its_interval(metadata: dict[str, dict[str, Any]]) -> None:
    rows = metadata["training/churn_leaderboard"]["leaderboard"]
    assert set(NAMES) <= {row["candidate"] for row in rows}
    for row in rows:
        assert {
            "candidate",
            "base_rate",
            "auc",
            "average_precision",
            "brier",
            "ece",
            "profit",
        } <= set(row)
        assert all(
            row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"]
            for figure in ("auc", "brier", "profit")
        )
    for name in NAMES:
        assert metadata[f"training/churn_{name}"]["curves"].startswith("![](data:image/png;base64,")
    json.dumps(rows)


def _describes_every_column(metadata: dict[str, dict[str, Any]]) -> None:
    schemas = {
        key: values["dagster/column_schema"].columns
        for key, values in metadata.items()
        if "dagster/column_schema" in values
    }
    assert schemas.keys() > {"training/churn_leaderboard", "training/churn_champion"}
    undescribed = [
        f"{key}: {column.name}"
        for key, columns in schemas.items()
        for column in columns
        if not column.description
    ]
    assert undescribed == []


def _logs_each_trial_under_its_candidate(
    metadata: dict[str, dict[str, Any]], registry: Registry
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(registry.tracking_uri)
    for name in NAMES:
        searched = metadata[f"training/churn_{name}"]
        assert searched["search_trials"] == 2
        assert searched["search"].startswith("![](data:image/png;base64,")
        parent = client.get_run(searched["mlflow_run"])
        children = client.search_runs(
            [parent.info.experiment_id],
            f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'",
            order_by=["attributes.start_time"],
        )
        assert [run.info.run_name for run in children] == ["trial 0", "trial 1"]
        assert all(run.data.tags["outcome"] == "completed" for run in children)
        losses = [run.data.metrics["log_loss"] for run in children]
        assert parent.data.metrics["search_best_log_loss"] == min(losses)


def _refuses_a_tampered_folder(registry: Registry, version: str, tmp_path: Path) -> None:
    folder = registry.download("churn", version, tmp_path / "first")
    card = folder / "bundle.json"
    card.write_text(card.read_text().replace('"threshold"', '"threshold "'))
    assert (
        registry.download("churn", version, tmp_path / "first") == folder
    )  # fetched afresh: the digest did not fit
    stored = {
        path: path.read_bytes() for path in (Path(registry.root) / "artifacts").rglob("bundle.json")
    }
    for path in stored:
        path.write_text("{}")
    with pytest.raises(RegistryError, match="digest"):
        registry.download("churn", version, tmp_path / "elsewhere")
    for path, content in stored.items():
        path.write_bytes(content)
