"""The first run on a new home: the README's commands, batch and HTTP answers, nothing lost."""

from datetime import timedelta
from typing import Any

import pytest

from retention_assets.definitions import build_definitions
from retention_assets.platform import Platform
from retention_assets.services.instance import open_instance
from retention_assets.simulation.arrow_tables import SCHEMAS
from retention_assets.simulation.simulator import FIRST_DATE
from retention_assets_tests.acceptance.running_platform import RunningPlatform
from retention_assets_tests.acceptance.source import DAYS
from retention_assets_tests.test_readme import RUN_HERE
from serve.states import CAN_LEAVE

STORAGE_BYTES = 40 * 2**20


def test_first_run_ends_with_serving_champion(
    platform: RunningPlatform, first_run: dict[str, Any]
) -> None:
    last_day = FIRST_DATE + timedelta(days=DAYS - 1)
    assert first_run["changed"]
    assert first_run["watermark"] == str(last_day)
    assert first_run["prediction"]["model_version"] == first_run["champion"]["version"] == "1"
    status = platform.json("status")
    assert all(service["up"] for service in status["services"].values())
    assert status["champion"]["churn"] == first_run["champion"]
    assert status["deployment"]["healthy"]
    assert status["deployment"]["version"] == "1"


@pytest.mark.usefixtures("first_run")
def test_every_asset_is_materialized(platform: RunningPlatform) -> None:
    """And every blocking check was evaluated and passed."""
    graph = build_definitions(Platform.of(platform.settings)).resolve_asset_graph()
    with open_instance(platform.settings) as instance:
        missing = [
            key.to_user_string()
            for key in graph.materializable_asset_keys
            if instance.get_latest_materialization_event(key) is None
        ]
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            list(graph.asset_check_keys)
        )
    evaluations = {
        key: record.event.asset_check_evaluation for key, record in latest.items() if record.event
    }
    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    passed = {key for key, evaluation in evaluations.items() if evaluation and evaluation.passed}
    assert (missing, blocking - passed) == ([], set())


@pytest.mark.usefixtures("first_run")
def test_storage_of_dagster_stays_small(platform: RunningPlatform) -> None:
    files = platform.settings.dagster_home.rglob("*")
    assert sum(file.stat().st_size for file in files if file.is_file()) < STORAGE_BYTES


@pytest.mark.usefixtures("first_run")
def test_batch_score_is_the_http_score(platform: RunningPlatform) -> None:
    scores = {row["customer_id"]: row for row in platform.rows("decisions/churn_scores")}
    customers = sorted(scores)[:200]
    response = platform.http.post("/predict/batch", json={"customer_ids": customers})
    predictions = response.json()["predictions"]
    assert [prediction["customer_id"] for prediction in predictions] == customers
    for prediction in predictions:
        row = scores[prediction["customer_id"]]
        scored = row["churn_probability"]
        probability = None if scored is None else pytest.approx(scored, abs=1e-6)
        assert prediction["churn_probability"] == probability
        assert prediction["risk_level"] == row["risk_level"]
        assert prediction["customer_state"] == row["customer_state"]
        assert prediction["segment"] == row["segment"] is not None
        assert prediction["model_digest"] == row["model_digest"]


def test_run_shows_the_riskiest_present_customer(
    platform: RunningPlatform, first_run: dict[str, Any]
) -> None:
    scores = platform.rows("decisions/churn_scores")
    present = {
        row["customer_id"]: row["churn_probability"]
        for row in scores
        if row["customer_state"] in CAN_LEAVE
    }
    highest = pytest.approx(max(present.values()), abs=1e-6)
    assert first_run["prediction"]["churn_probability"] == highest
    assert first_run["prediction"]["customer_id"] in present


@pytest.mark.usefixtures("first_run")
def test_every_row_is_validated_or_quarantined(platform: RunningPlatform) -> None:
    for name in SCHEMAS:
        raw, valid, invalid = (
            platform.count(f"{stage}/{name}") for stage in ("raw", "validated", "quarantine")
        )
        assert raw == valid + invalid > 0, name


@pytest.mark.usefixtures("first_run")
def test_leaderboard_shows_figures_with_intervals(platform: RunningPlatform) -> None:
    rows = platform.json("leaderboard")
    expected = {"xgboost", "random_forest", "neural_network", "logistic_regression"}
    assert expected | {"recency_only"} <= {row["candidate"] for row in rows}
    for figure in ("auc", "average_precision", "brier", "ece", "profit"):
        assert all(row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"] for row in rows)


@pytest.mark.usefixtures("first_run")
@pytest.mark.parametrize("command", sorted(RUN_HERE))
def test_readme_commands_work(platform: RunningPlatform, command: str) -> None:
    result = platform.retention(*command.split()[1:])
    assert result.returncode == 0 and result.stdout, result.stderr


@pytest.mark.usefixtures("first_run")
def test_second_make_run_changes_nothing(platform: RunningPlatform) -> None:
    result = platform.make("run")
    assert result.returncode == 0, result.stderr
    assert "Nothing has changed since the last run" in result.stdout
    assert "likely to leave" in result.stdout
