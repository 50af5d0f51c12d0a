"""A promotion with its record in a real registry, and what a rollback means for the next one."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.examples import Examples
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets.training.champion.promotion import PromotionResult
from retention_assets.training.champion.update import Read, update_champion
from retention_assets.training.model_card.document import read_document
from retention_assets.training.model_card.page import champion_page
from retention_assets.training.model_card.provenance import Provenance
from retention_assets_tests.modeling.factories import evaluate
from retention_assets_tests.training.champion.test_update import (
    BEST,
    CHURN_TASK,
    DATA,
    TASK,
    ledger_of,
    run_in,
    staged,
    with_champion,
)
from serve.model.bundle import load_bundle

AT = datetime(2030, 1, 1, tzinfo=UTC)
PROVENANCE = Provenance(tables={"training/churn_examples": 3}, watermark="2024-10-05")
TREES = candidate("xgboost")
WEAK = replace(TREES, params={**TREES.params, "min_child_weight": 1e9})


@pytest.fixture
def registry(tmp_path: Path, registry_of: Callable[[Settings], Registry]) -> Registry:
    return registry_of(Settings(home=tmp_path))


@pytest.fixture(scope="module")
def challenger(tmp_path_factory: pytest.TempPathFactory) -> tuple[CandidateEvaluation, Path]:
    """An evaluated candidate and its model folder."""
    folder = tmp_path_factory.mktemp("challenger") / "bundle"
    return evaluate(BEST, DATA, folder, CHURN_TASK), folder


def promote(read: Read, registry: Registry, features: str = "as today") -> PromotionResult:
    return update_champion(
        read,
        registry,
        CHURN_TASK,
        features=features,
        start_run=run_in(registry),
        ledger=ledger_of(registry),
        provenance=PROVENANCE,
    )


def scores_on(registry: Registry, version: str, rows: Examples) -> np.ndarray:
    """Probabilities of a registered version."""
    folder = registry.download(TASK, version, registry.downloads)
    scorer = load_bundle(folder, registry.version(TASK, version).digest)
    return scorer.probabilities(rows.columns(scorer.features))


def test_promotion_is_recorded_with_the_version(registry: Registry, challenger: tuple) -> None:
    """The model has learned from every week; its figures are those of the tested model."""
    evaluation, _ = challenger
    result = promote(staged(registry, *challenger), registry)
    document = read_document(registry, TASK)
    record = document.record
    assert record is not None and document.is_champion and document.card.refitted
    (term,) = document.terms
    assert (term.reason, term.began_watermark) == (result.decision.reason, "2024-10-05")
    assert (record.trained.rows, record.trained.entities) == (len(DATA), 400)
    assert record.trained.base_rate == pytest.approx(DATA.y.mean())
    assert record.tested.rows == len(evaluation.test) == sum(row["rows"] for row in record.weeks)
    (metrics,) = [row for row in record.metrics if row["candidate"] == BEST.name]
    assert metrics["auc"] == pytest.approx(evaluation.figures()["auc"])
    assert metrics["auc_low"] < metrics["auc"] < metrics["auc_high"]
    last = evaluation.test.as_of == DATA.as_of.max()
    expected = roc_auc_score(evaluation.test.y[last], evaluation.p[last])
    assert record.weeks[-1]["as_of"] == str(DATA.as_of.max())
    assert record.weeks[-1]["auc"] == pytest.approx(expected)
    assert [gate["gate"] for gate in record.gates] == [gate.name for gate in CHURN_TASK.gates]
    assert {row["slice"] for row in record.slices} >= {"plan_basic", "recency_days high"}
    assert record.definitions == {"features": "as today"}
    assert record.tables == {"training/churn_examples": 3}
    assert record.agreement is None
    assert json.loads(json.dumps(document.as_json()))["card"]["seed"] == CHURN_TASK.seed


def test_card_is_in_mlflow_and_on_the_page(registry: Registry, challenger: tuple) -> None:
    promote(staged(registry, *challenger), registry)
    champion = registry.champion(TASK)
    assert champion is not None
    card = registry.read_document(champion, "model_card.md")
    page = champion_page(registry, TASK)
    assert card is not None and page["model_card"].value == card
    assert f"# Model churn, version 1 ({BEST.name})" in card
    client = mlflow.MlflowClient(registry.tracking_uri)
    name = registry.model_name(TASK)
    description = client.get_model_version(name, "1").description
    assert description and card.startswith(description) and "## Limits" in description
    assert page["champions"].records[0].data["to"] == "now"


def test_scores_are_compared_with_the_champion_before(
    registry: Registry, challenger: tuple, tmp_path: Path
) -> None:
    with_champion(registry, tmp_path / "rival", replace(BEST, params={**BEST.params, "C": 1e-5}))
    assert promote(staged(registry, *challenger), registry).champion is not None
    record = read_document(registry, TASK).record
    assert record is not None and record.agreement is not None
    newest = DATA.take(DATA.as_of == DATA.as_of.max())
    expected = spearmanr(scores_on(registry, "1", newest), scores_on(registry, "2", newest))
    assert record.agreement.rows == len(newest) == 400
    assert record.agreement.previous_version == "1"
    assert record.agreement.rank_correlation == pytest.approx(expected[0])
    before = registry.read_document(registry.version(TASK, "1"), "model_card.md")
    assert before is not None and "| now |" not in before  # its term has ended


def test_champion_of_other_features_is_not_compared(registry: Registry, challenger: tuple) -> None:
    read = staged(registry, *challenger)
    promote(read, registry, features="as before")
    promote(read, registry)
    document = read_document(registry, TASK)
    assert document.version.version == "2"
    assert document.record is not None and document.record.agreement is None


def test_recipe_that_was_rolled_back_waits_for_the_next_period(
    registry: Registry, challenger: tuple, tmp_path: Path
) -> None:
    """Its test is not repeated with the same result: the champion before keeps its recipe."""
    read = staged(registry, *challenger)
    with_champion(registry, tmp_path / "weak", WEAK)
    assert promote(read, registry).decision.promoted
    registry.restore(TASK, "1", reason="bad calls", watermark="2024-10-06", at=AT)
    again = promote(read, registry)
    assert not again.decision.promoted and all(gate.passed for gate in again.decision.gates)
    assert "this test promoted version 2" in again.decision.reason
    assert "rolled back from version 2: bad calls." in again.decision.reason
    champion = registry.champion(TASK)
    assert champion is not None and champion.candidate == WEAK.name


def test_refit_that_was_rolled_back_is_not_served_again(
    registry: Registry, challenger: tuple
) -> None:
    """A rollback to an older fit of the same recipe holds until there are further weeks."""
    read = staged(registry, *challenger)
    promote(read, registry, features="as before")
    refit = promote(read, registry).champion
    assert refit is not None and refit.version == "2"
    registry.restore(TASK, "1", reason="bad calls", watermark="2024-10-06", at=AT)
    again = promote(read, registry)
    assert again.champion is not None and again.champion.version == "1"
    assert again.refused is not None and "These are the files of version" in again.refused
    assert again.refused in again.refit_reason and registry.champion(TASK) == again.champion
