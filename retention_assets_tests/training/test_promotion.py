"""Champion against challenger on the same rows, in a real registry: who is promoted.

The candidates are logistic regressions on different features, so that a comparison takes a second.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES, candidate
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.plots import candidate_figure
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets.training.assets import promote_best
from retention_assets.training.promotion import PromotionResult
from retention_assets.training.record import record_evaluation
from retention_assets.training.task import score_table
from retention_assets_tests.modeling.factories import as_table, churn, evaluate, examples
from serve.model.bundle import load_bundle

CHURN_TASK = churn(bootstrap_rounds=200)
TASK = CHURN_TASK.name
DATA = examples(customers=400, weeks=26)
BEST = CANDIDATES[-1]
Read = Callable[[str], pa.Table]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.of(Settings(home=tmp_path))


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[CandidateEvaluation, Path]:
    """The challenger of every contest, and its model folder."""
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
        )


def staged(registry: Registry, trial: CandidateEvaluation, folder: Path) -> Read:
    """The lake after four candidates were evaluated; `trial` is the best, the others are noisy."""
    waiting = registry.staging(BEST.name)
    shutil.copytree(folder, waiting)
    recorded(registry, trial, waiting)
    scores = score_table(trial)
    tables = {"training/churn_examples": as_table(DATA), f"training/churn_{BEST.name}": scores}
    for seed, other in enumerate(CANDIDATES[:-1]):
        noise = np.random.default_rng(seed).normal(size=len(trial.p))
        blurred = 1 / (1 + np.exp(-(np.log(trial.p / (1 - trial.p)) + 3 * noise)))
        tables[f"training/churn_{other.name}"] = scores.set_column(
            3, "probability", pa.array(blurred)
        )
    return tables.__getitem__


def crowned(registry: Registry, data: Examples, name: str, folder: Path) -> CandidateEvaluation:
    """Makes a model trained on these examples today's champion, without asking any gate."""
    rival = evaluate(candidate(name), data, folder, CHURN_TASK)
    note = recorded(registry, rival, folder)
    tags = {"digest": rival.digest, "candidate": name, "fingerprint": "of before"}
    registry.promote(TASK, registry.register(TASK, note["model_uri"], note["run_id"], tags))
    return rival


def part(data: Examples, *features: str, customers: int | None = None) -> Examples:
    """The examples with these features only, of the first customers only."""
    kept = Examples(features, data.entities, data.as_of, data.columns(features), data.y)
    return kept.take(np.isin(kept.entities, np.unique(kept.entities)[:customers]))


def contest(read: Read, registry: Registry) -> PromotionResult:
    return promote_best(read, registry, CHURN_TASK)


def failed(outcome: PromotionResult) -> set[str]:
    return {gate.name for gate in outcome.decision.gates if not gate.passed}


def test_the_first_model_that_passes_every_gate_is_champion_with_its_digest_and_figures(
    registry: Registry, trial: tuple
) -> None:
    first, folder = trial
    assert registry.champion(TASK) is None
    outcome = contest(staged(registry, first, folder), registry)
    champion = registry.champion(TASK)
    assert (
        outcome.decision.promoted
        and outcome.decision.challenger == BEST.name
        and not failed(outcome)
    )
    assert champion is not None and champion == outcome.champion
    assert (champion.version, champion.digest, champion.candidate) == ("1", first.digest, BEST.name)
    assert float(champion.tags["test_auc"]) == pytest.approx(first.figures()["auc"], abs=1e-6)
    assert (
        champion.tags["trained_through"] < champion.tags["tested_through"] == str(DATA.as_of.max())
    )
    assert (
        load_bundle(registry.download(TASK, "1", registry.downloads), champion.digest).fingerprint
        == champion.tags["fingerprint"]
    )


def test_the_champion_is_no_rival_of_itself(registry: Registry, trial: tuple) -> None:
    read = staged(registry, *trial)
    contest(read, registry)
    again = contest(read, registry)
    assert not again.decision.promoted and "today's champion itself" in again.decision.reason
    assert (
        again.champion == registry.champion(TASK)
        and again.champion is not None
        and again.champion.version == "1"
    )


def test_a_champion_that_is_as_good_stays_whatever_the_point_figures_say(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """Trained on most of the same customers: the interval of the difference holds zero."""
    read = staged(registry, *trial)
    rival = crowned(
        registry, part(DATA, *DATA.features, customers=360), BEST.name, tmp_path / "rival"
    )
    outcome = contest(read, registry)
    assert failed(outcome) == {"better_than_champion"} and not outcome.decision.promoted
    assert outcome.decision.reason.startswith("Nothing is promoted: better_than_champion: ")
    figures = next(
        gate.figures for gate in outcome.decision.gates if gate.name == "better_than_champion"
    )
    assert figures["low"] <= 0 <= figures["high"]
    champion = registry.champion(TASK)
    assert champion is not None and champion.digest == rival.digest != trial[0].digest


def test_a_weak_champion_is_scored_anew_by_its_own_files_on_the_same_rows_and_gives_way(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    read = staged(registry, *trial)
    weak = crowned(
        registry, part(DATA, "plan_basic", "total_revenue"), BEST.name, tmp_path / "weak"
    )
    outcome = contest(read, registry)
    seen = outcome.comparison
    assert seen.champion is not None and (seen.champion.y == seen.test.y).all()
    own = load_bundle(tmp_path / "weak", weak.digest)
    assert (
        seen.champion.p.tolist()
        == own.probabilities(seen.test.columns(["plan_basic", "total_revenue"])).tolist()
    )
    assert (
        outcome.decision.promoted
        and outcome.champion is not None
        and outcome.champion.version == "2"
    )
    assert registry.champion(TASK) == outcome.champion
    assert (
        registry.download(TASK, "1", tmp_path / "kept").name == weak.digest
    )  # the one before stays registered


def test_a_champion_of_another_source_is_no_measure(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """It needs features that this source lacks, so it can neither be compared nor serve."""
    read = staged(registry, *trial)
    foreign = Examples(("other",), DATA.entities, DATA.as_of, DATA.X[:, :1], DATA.y)
    crowned(registry, foreign, BEST.name, tmp_path / "foreign")
    outcome = contest(read, registry)
    assert outcome.comparison.champion is None and outcome.decision.promoted


def test_scores_of_other_rows_than_the_examples_are_refused(
    registry: Registry, trial: tuple
) -> None:
    read = staged(registry, *trial)
    scores = read("training/churn_xgboost")

    def changed(key: str) -> pa.Table:
        return scores.slice(1) if key == "training/churn_xgboost" else read(key)

    with pytest.raises(NotTrainableError, match="xgboost was scored on other rows"):
        contest(changed, registry)


def test_the_order_of_stored_rows_does_not_matter(registry: Registry, trial: tuple) -> None:
    read = staged(registry, *trial)
    rng = np.random.default_rng(0)
    turned = contest(lambda key: read(key).take(rng.permutation(read(key).num_rows)), registry)
    straight = contest(read, registry)
    assert turned.comparison.leaderboard() == straight.comparison.leaderboard()
