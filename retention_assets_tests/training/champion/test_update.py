"""Recipe against recipe on the same rows, in a real registry: which one holds and is refitted.

The candidates are logistic regressions on different features, so that a comparison takes a second.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from retention_assets.errors import ContractError, NotTrainableError
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate, candidate
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.plots import candidate_figure
from retention_assets.modeling.recipe import recipe_of
from retention_assets.modeling.task import Task
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.settings import Settings
from retention_assets.training.champion.period_ledger import PeriodLedger
from retention_assets.training.champion.promotion import PromotionResult, refuse_other_features
from retention_assets.training.champion.update import Read, StartRun, update_champion
from retention_assets.training.record import RECORD_FILE, record_evaluation
from retention_assets.training.task import churn_split, score_table
from retention_assets_tests.modeling.factories import as_table, churn, evaluate, examples
from serve.model.bundle import load_bundle
from serve.model.card import Card

# So few customers cannot show that probabilities are within the default of 3 points.
CHURN_TASK = churn(bootstrap_rounds=200, calibration_tolerance=0.15)
TASK = CHURN_TASK.name
DATA = examples(customers=400, weeks=26)
BEST = CANDIDATES[-1]


@pytest.fixture
def registry(tmp_path: Path, registry_of: Callable[[Settings], Registry]) -> Registry:
    return registry_of(Settings(home=tmp_path))


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


def staged(
    registry: Registry, trial: CandidateEvaluation, folder: Path, *, data: Examples = DATA
) -> Read:
    """The lake after four candidates were evaluated; `trial` is the best, the others are noisy."""
    waiting = registry.staging(BEST.name)
    shutil.copytree(folder, waiting)
    record = recorded(registry, trial, waiting)
    scores = score_table(trial)
    tables = {"training/churn_examples": as_table(data), f"training/churn_{BEST.name}": scores}
    for seed, other in enumerate(CANDIDATES[:-1]):
        noise = np.random.default_rng(seed).normal(size=len(trial.p))
        blurred = 1 / (1 + np.exp(-(np.log(trial.p / (1 - trial.p)) + 3 * noise)))
        tables[f"training/churn_{other.name}"] = scores.set_column(
            3, "probability", pa.array(blurred)
        )
        worse = record | {
            "fold_scores": {"profit": -1e6, "profit_error": 0.0, "brier": 1.0},
            "recipe": recipe_of(other),
        }
        folder_of_other = registry.staging(other.name)
        folder_of_other.mkdir(parents=True)
        (folder_of_other.parent / RECORD_FILE).write_text(json.dumps(worse))
    return tables.__getitem__


def with_champion(
    registry: Registry,
    folder: Path,
    made_by: Candidate,
    *,
    data: Examples = DATA,
    names_recipe: bool = True,
) -> None:
    """Makes a model of this candidate the champion, without any gate."""
    rival = evaluate(made_by, data, folder, CHURN_TASK)
    record = recorded(registry, rival, folder)
    tags = {"digest": rival.digest, "candidate": made_by.name, "fingerprint": "of before"}
    if names_recipe:
        tags["recipe"] = record["recipe"]
    version = registry.register(TASK, record["model_uri"], record["run_id"], tags)
    registry.promote(TASK, version)


def run_in(registry: Registry) -> StartRun:
    """MLflow runs in the registry's store."""
    import mlflow

    @contextmanager
    def start_run(name: str, tags: Mapping[str, str]) -> Iterator[Any]:
        mlflow.set_tracking_uri(registry.tracking_uri)
        with mlflow.start_run(experiment_id=registry.prepare(), run_name=name, tags=dict(tags)):
            yield mlflow

    return start_run


def promote(
    read: Read, registry: Registry, features: str = "as today", task: Task = CHURN_TASK
) -> PromotionResult:
    return update_champion(
        read,
        registry,
        task,
        features=features,
        start_run=run_in(registry),
        ledger=ledger_of(registry),
    )


def ledger_of(registry: Registry) -> PeriodLedger:
    return PeriodLedger(f"{registry.root}/lake")


def failed(result: PromotionResult) -> set[str]:
    return {gate.name for gate in result.decision.gates if not gate.passed}


def served_card(registry: Registry, champion: ModelVersion) -> Card:
    folder = registry.download(TASK, champion.version, registry.downloads)
    return load_bundle(folder, champion.digest).card


def test_first_recipe_that_passes_all_gates_is_refitted(registry: Registry, trial: tuple) -> None:
    """The version has the figures of the tested model, and has learned from every week."""
    first, folder = trial
    result = promote(staged(registry, first, folder), registry)
    champion = registry.champion(TASK)
    assert result.decision.promoted and not failed(result) and result.refit_agrees
    assert champion is not None and champion == result.champion and champion.version == "1"
    assert champion.digest != first.digest
    assert champion.tags["recipe"] == recipe_of(BEST)
    assert float(champion.tags["test_auc"]) == pytest.approx(first.figures()["auc"], abs=1e-6)
    newest = str(DATA.as_of.max())
    assert champion.tags["trained_through"] == champion.tags["tested_through"] == newest
    card = served_card(registry, champion)
    assert card.refitted and card.trained_as_of == [str(DATA.as_of.min()), newest]
    assert card.fingerprint == champion.tags["fingerprint"]


def test_same_examples_and_candidates_change_nothing(registry: Registry, trial: tuple) -> None:
    read = staged(registry, *trial)
    first = promote(read, registry)
    spent = ledger_of(registry).spent(TASK)
    again = promote(read, registry)
    assert not again.decision.promoted
    assert "the champion's own, logistic_regression: it stays" in again.decision.reason
    assert again.champion == registry.champion(TASK) == first.champion
    assert again.decision.gates == first.decision.gates
    (period,) = spent
    assert (period.challenger, period.champion, period.promoted) == (recipe_of(BEST), "", True)
    assert period.last_as_of == period.labels_through == DATA.as_of.max().astype(object)
    assert ledger_of(registry).spent(TASK) == spent


def test_equally_good_champion_stays_and_is_refitted(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """Its recipe is fitted on the challenger's rows: the interval of the difference holds zero."""
    read = staged(registry, *trial)
    rival = replace(BEST, params={**BEST.params, "C": 0.13})
    with_champion(registry, tmp_path / "rival", rival)
    result = promote(read, registry)
    assert failed(result) == {"better_than_champion"} and not result.decision.promoted
    assert result.decision.reason.startswith("Nothing is promoted: better_than_champion: ")
    figures = next(
        gate.figures for gate in result.decision.gates if gate.name == "better_than_champion"
    )
    assert figures["low"] <= 0 <= figures["high"]
    champion = registry.champion(TASK)
    assert champion is not None and champion == result.champion and champion.version == "2"
    assert champion.tags["recipe"] == recipe_of(rival)
    assert champion.tags["trained_through"] == str(DATA.as_of.max())
    assert result.comparison.champion is not None
    auc = result.comparison.champion.point()["auc"]
    assert float(champion.tags["test_auc"]) == pytest.approx(auc, abs=1e-6)
    again = promote(read, registry)  # the same test, so the same answer and no new try
    assert again.decision == result.decision and again.champion == champion
    assert [period.try_number for period in ledger_of(registry).spent(TASK)] == [1]


def test_weak_recipe_of_the_champion_is_replaced(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """No split has as many rows: it gives everybody the same probability."""
    read = staged(registry, *trial)
    trees = candidate("xgboost")
    weak = replace(trees, params={**trees.params, "min_child_weight": 1e9})
    with_champion(registry, tmp_path / "weak", weak)
    result = promote(read, registry)
    rival = result.comparison.champion
    assert rival is not None and len(np.unique(rival.p)) == 1
    assert (rival.y == result.comparison.test.y).all()
    assert result.decision.promoted and result.champion == registry.champion(TASK)
    assert result.champion is not None and result.champion.tags["recipe"] == recipe_of(BEST)
    kept = registry.download(TASK, "1", tmp_path / "kept")
    assert kept.is_dir()  # the one before stays registered


def test_champion_of_other_features_keeps_its_recipe(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    """A source table is gone: the recipe is compared on the features that there are today, and
    refitted on them. A version from before recipes were recorded has the declared parameters.
    """
    read = staged(registry, *trial)
    foreign = Examples(("other",), DATA.entities, DATA.as_of, DATA.X[:, :1], DATA.y)
    with_champion(registry, tmp_path / "foreign", BEST, data=foreign, names_recipe=False)
    result = promote(read, registry)
    assert result.comparison.champion is not None
    assert not result.decision.promoted and "it stays" in result.decision.reason
    assert result.champion is not None and result.champion.version == "2"
    assert served_card(registry, result.champion).features == list(DATA.features)


def test_champion_of_other_feature_definitions_is_renewed(registry: Registry, trial: tuple) -> None:
    """Of the same names: until it is refitted, it must not be given today's values."""
    read = staged(registry, *trial)
    promote(read, registry, features="as before")
    before = registry.champion(TASK)
    assert before is not None
    refuse_other_features(before, "as before")
    with pytest.raises(ContractError, match="version 1, was trained on features of another"):
        refuse_other_features(before, "as today")
    result = promote(read, registry, features="as today")
    assert result.champion is not None and result.champion.version == "2"
    refuse_other_features(result.champion, "as today")


def test_recipe_that_is_not_declared_any_more_gives_way(
    registry: Registry, trial: tuple, tmp_path: Path
) -> None:
    read = staged(registry, *trial)
    removed = replace(BEST, name="of_before")
    with_champion(registry, tmp_path / "removed", removed)
    result = promote(read, registry)
    assert result.comparison.champion is None and result.decision.promoted


def test_refit_that_disagrees_is_not_served(registry: Registry, tmp_path: Path) -> None:
    """In the weeks between training and test, those who leave are those who stayed before and
    after. Without a champion, the tested model is served; afterwards, the champion stays.
    """
    task = churn(bootstrap_rounds=200, calibration_tolerance=0.15, gap_days=63)
    split = churn_split(DATA, task)
    y = np.where(split.train | split.test, DATA.y, 1 - DATA.y).astype(np.int8)
    data = replace(DATA, y=y)
    tested = evaluate(BEST, data, tmp_path / "tested", task)
    read = staged(registry, tested, tmp_path / "tested", data=data)
    result = promote(read, registry, task=task)
    assert result.decision.promoted and not result.refit_agrees
    assert result.refit_reason.endswith("It is not served: version 1 is kept.")
    champion = result.champion
    assert champion is not None and champion.digest == tested.digest
    assert not served_card(registry, champion).refitted
    again = promote(read, registry, task=task)
    assert not again.refit_agrees and again.champion == champion == registry.champion(TASK)


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
