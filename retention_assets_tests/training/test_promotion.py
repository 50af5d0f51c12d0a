"""Champion against challenger on the same rows, in a real registry: who is promoted.

The candidates are logistic regressions on different features, so that a comparison takes a second.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from retention_assets.errors import ContractError, NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES, candidate
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.plots import candidate_figure
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets.training.assets import promote_best
from retention_assets.training.promotion import PromotionResult, refuse_other_features
from retention_assets.training.record import RECORD_FILE, record_evaluation
from retention_assets.training.task import score_table
from retention_assets_tests.modeling.factories import as_table, churn, evaluate, examples
from serve.model.bundle import load_bundle

# So few customers cannot show that probabilities are within the default of 3 points.
CHURN_TASK = churn(bootstrap_rounds=200, calibration_tolerance=0.15)
TASK = CHURN_TASK.name
DATA = examples(customers=400, weeks=26)
BEST = CANDIDATES[-1]
Read = Callable[[str], pa.Table]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.of(Settings(home=tmp_path))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[CandidateEvaluation, Path]:
    """The challenger of every comparison, and its model folder."""
    folder = tmp_path_factory.mktemp("challenger") / "bundle"
    return evaluate(BEST, DATA, folder, CHURN_TASK), folder


def recorded(registry: Registry, trial: CandidateEvaluation, folder: Path) -> dict:
    """The trial's MLflow run and note, as its asset leaves them."""
    import mlflow

    mlflow.set_tracking_uri(registry.tracking_uri)
    with mlflow.start_run(experiment_id=registry.prepare()):
        return record_evaluation(
            mlflow,
            registry.log_bundle,
            trial,
            folder,
            candidate_figure(trial.test.y, trial.p, "tried"),
            chosen_on="folds",
        )


def staged(registry: Registry, trial: CandidateEvaluation, folder: Path) -> Read:
    """The lake after four candidates were evaluated; `trial` is the best, the others are noisy."""
    waiting = registry.staging(BEST.name)
    shutil.copytree(folder, waiting)
    record = recorded(registry, trial, waiting)
    scores = score_table(trial)
    tables = {"training/churn_examples": as_table(DATA), f"training/churn_{BEST.name}": scores}
    for seed, other in enumerate(CANDIDATES[:-1]):
        noise = np.random.default_rng(seed).normal(size=len(trial.p))
        blurred = 1 / (1 + np.exp(-(np.log(trial.p / (1 - trial.p)) + 3 * noise)))
        tables[f"training/churn_{other.name}"] = scores.set_column(
            3, "probability", pa.array(blurred)
        )
        worse = record | {"fold_scores": {"profit": -1e6, "brier": 1.0}}
        folder_of_other = registry.staging(other.name)
        folder_of_other.mkdir(parents=True)
        (folder_of_other.parent / RECORD_FILE).write_text(json.dumps(worse))
    return tables.__getitem__


def with_champion(
    registry: Registry, data: Examples, name: str, folder: Path
) -> CandidateEvaluation:
    """Makes a model trained on these examples the champion, without any gate."""
    rival = evaluate(candidate(name), data, folder, CHURN_TASK)
    note = recorded(registry, rival, folder)
    tags = {"digest": rival.digest, "candidate": name, "fingerprint": "of before"}
    registry.promote(TASK, registry.register(TASK, note["model_uri"], note["run_id"], tags))
    return rival


def part(data: Examples, *features: str, customers: int | None = None) -> Examples:
    """The examples with these features only, of the first customers only."""
    kept = Examples(features, data.entities, data.as_of, data.columns(features), data.y)
    return kept.take(np.isin(kept.entities, np.unique(kept.entities)[:customers]))


def promote(read: Read, registry: Registry, features: str = "as today") -> PromotionResult:
    return promote_best(read, registry, CHURN_TASK, features=features)


def failed(result: PromotionResult) -> set[str]:
    return {gate.name for gate in result.decision.gates if not gate.passed}


def test_first_model_that_passes_all_gates_is_champion(registry: Registry, trial: tuple) -> None:
    first, folder = trial
    assert registry.champion(TASK) is None
    result = promote(staged(registry, first, folder), registry)
    champion = registry.champion(TASK)
    assert (
        result.decision.promoted and result.decision.challenger == BEST.name and not failed(result)
    )
    assert champion is not None and champion == result.champion
    assert (champion.version, champion.digest, champion.candidate) == ("1", first.digest, BEST.name)
    assert float(champion.tags["test_auc"]) == pytest.approx(first.figures()["auc"], abs=1e-6)
    assert (
        champion.tags["trained_through"] < champion.tags["tested_through"] == str(DATA.as_of.max())
    )
    assert (
        load_bundle(registry.download(TASK, "1", registry.downloads), champion.digest).fingerprint
        == champion.tags["fingerprint"]
    )


def test_champion_is_not_compared_with_itself(registry: Registry, trial: tuple) -> None:
    read = staged(registry, *trial)
    promote(read, registry)
    again = promote(read, registry)
    assert not again.decision.promoted and "today's champion itself" in again.decision.reason
    assert (
        again.champion == registry.champion(TASK)
        and again.champion is not None
        and again.champion.version == "1"
    )


def test_equally_good_champion_stays(registry: Registry, trial: tuple, tmp_path: Path) -> None:
    """Trained on most of the same customers: the interval of the difference holds zero."""
    read = staged(registry, *trial)
    rival = with_champion(
        registry, part(DATA, *DATA.features, customers=360), BEST.name, tmp_path / "rival"
    )
    result = promote(read, registry)
    assert failed(result) == {"better_than_champion"} and not result.decision.promoted
    assert result.decision.reason.startswith("Nothing is promoted: better_than_champion: ")
    figures = next(
        gate.figures for gate in result.decision.gates if gate.name == "better_than_champion"
    )
    assert figures["low"] <= 0 <= figures["high"]
    champion = registry.champion(TASK)
    assert champion is not None and champion.digest == rival.digest != trial[0].digest


def test_weak_champion_is_scored_again_and_replaced(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    read = staged(registry, *trial)
    weak = with_champion(
        registry, part(DATA, "plan_basic", "total_revenue"), BEST.name, tmp_path / "weak"
    )
    result = promote(read, registry)
    comparison = result.comparison
    assert comparison.champion is not None
    assert (comparison.champion.y == comparison.test.y).all()
    scorer = load_bundle(tmp_path / "weak", weak.digest)
    assert (
        comparison.champion.p.tolist()
        == scorer.probabilities(comparison.test.columns(["plan_basic", "total_revenue"])).tolist()
    )
    assert (
        result.decision.promoted and result.champion is not None and result.champion.version == "2"
    )
    assert registry.champion(TASK) == result.champion
    assert (
        registry.download(TASK, "1", tmp_path / "kept").name == weak.digest
    )  # the one before stays registered


def test_champion_of_another_source_is_not_compared(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """It needs features that this source lacks, so it can neither be compared nor serve."""
    read = staged(registry, *trial)
    foreign = Examples(("other",), DATA.entities, DATA.as_of, DATA.X[:, :1], DATA.y)
    with_champion(registry, foreign, BEST.name, tmp_path / "foreign")
    result = promote(read, registry)
    assert result.comparison.champion is None and result.decision.promoted


def test_champion_of_other_feature_definitions_gives_way(registry: Registry, trial: tuple) -> None:
    """Of the same names: it can neither be compared nor be given today's values."""
    read = staged(registry, *trial)
    promote(read, registry, features="as before")
    before = registry.champion(TASK)
    assert before is not None
    refuse_other_features(before, "as before")
    with pytest.raises(ContractError, match="version 1, was trained on features of another"):
        refuse_other_features(before, "as today")
    result = promote(read, registry)
    assert result.comparison.champion is None and result.decision.promoted
    assert result.champion is not None and result.champion.version == "2"
    refuse_other_features(result.champion, "as today")


def test_scores_of_other_rows_than_the_examples_are_refused(
    registry: Registry, trial: tuple
) -> None:
    read = staged(registry, *trial)
    scores = read("training/churn_xgboost")

    def changed(key: str) -> pa.Table:
        return scores.slice(1) if key == "training/churn_xgboost" else read(key)

    with pytest.raises(NotTrainableError, match="xgboost was scored on other rows"):
        promote(changed, registry)


def test_the_order_of_stored_rows_does_not_matter(registry: Registry, trial: tuple) -> None:
    read = staged(registry, *trial)
    rng = np.random.default_rng(0)
    turned = promote(lambda key: read(key).take(rng.permutation(read(key).num_rows)), registry)
    straight = promote(read, registry)
    assert turned.comparison.leaderboard() == straight.comparison.leaderboard()
