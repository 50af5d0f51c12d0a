"""Another problem, machines that fail, runs through `modeling/` without a change there."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retention_assets.modeling.candidates import logistic_regression, xgboost
from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.baselines import EVERYBODY, NOBODY, Baseline, log_feature
from retention_assets.modeling.evaluation.candidate_evaluation import (
    evaluate_candidate,
    fold_means,
)
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.modeling.plots import leaderboard_figure
from retention_assets.modeling.promotion.comparison import compare
from retention_assets.modeling.promotion.decision import decide_promotion
from retention_assets.modeling.promotion.evidence import Answer, Gate, PromotionEvidence
from retention_assets.modeling.promotion.gates import has_signal
from retention_assets.modeling.splits import forward_split
from retention_assets.modeling.task import Task
from retention_assets.modeling.words import Words
from serve.model.bundle import load_bundle


@dataclass(frozen=True)
class InspectionUtility:
    """An inspection costs 1 and prevents a failure that costs 6."""

    capacity_share: float = 0.3
    breakeven: float = 1 / 6
    assumption: str = "an inspection costs 1 and prevents a failure that costs 6"

    def value(self, positives: Floats, acted: Floats) -> Floats:
        return 6 * positives - acted


def beats_random_inspections(evidence: PromotionEvidence) -> Answer:
    """A gate that only this Task has."""
    more, _ = evidence.scores.difference("profit", evidence.challenger, EVERYBODY.name)
    return Answer(passed=more > 0, reason=f"{more:+.0f}", value=more, limit=0.0)


ONE_SPLIT = {"rounds": 1, "patience": 1, "max_depth": 1}
TASK = Task(
    name="failure",
    words=Words("machine", "machines", "failures", "survivors", "inspected"),
    source="factory",
    examples="factory/machine_days",
    label_window=LabelWindow(gap_days=0, horizon_days=7),
    utility=InspectionUtility(),
    baselines=(NOBODY, EVERYBODY, Baseline("oldest_first", log_feature("age_days"), ranks=True)),
    median_slices=("age_days",),
    candidates=(
        Candidate("stump", "xgboost", xgboost.fit, params=ONE_SPLIT),
        Candidate("free", "logistic_regression", logistic_regression.fit, params={"C": 1.0}),
    ),
    gates=(
        Gate("has_signal", has_signal, "Ranks better than chance."),
        Gate("beats_random", beats_random_inspections, "Earns more than random inspections."),
    ),
    risk_levels={"MEDIUM": 0.2, "HIGH": 0.4, "CRITICAL": 0.7},
    test_periods=2,
    folds=2,
    seed=3,
    bootstrap_rounds=100,
    calibration_tolerance=0.1,
    max_latency_ratio=1000,
)


def machine_days(machines: int = 300, weeks: int = 12) -> Examples:
    """Vibration predicts a failure, age a little."""
    rng = np.random.default_rng(5)
    entity = np.tile([f"M{number:04d}" for number in range(machines)], weeks)
    as_of = np.repeat(np.datetime64("2024-01-01") + 7 * np.arange(weeks), machines)
    age = rng.exponential(400, len(entity))
    vibration = rng.normal(size=len(entity))
    odds = 1.5 * vibration + age / 800 - 2
    y = (rng.random(len(entity)) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    return Examples(("age_days", "vibration"), entity, as_of, np.column_stack([age, vibration]), y)


def test_second_task_passes_through_all_of_modeling(tmp_path: Path) -> None:
    data = machine_days()
    split = forward_split(
        data, test_periods=TASK.test_periods, folds=TASK.folds, purge_days=TASK.purge_days
    )
    evaluations = {
        item.name: evaluate_candidate(
            item, data, split=split, task=TASK, folder=tmp_path / item.name
        )
        for item in TASK.candidates
    }
    comparison = compare(
        TASK,
        data,
        train=split.train,
        test=data.take(split.test),
        probabilities={name: evaluation.p for name, evaluation in evaluations.items()},
        fold_scores={
            name: fold_means(evaluation.trained.folds) for name, evaluation in evaluations.items()
        },
        chosen_on=split.chosen_on,
    )
    chosen = evaluations[comparison.challenger]
    scorer = load_bundle(tmp_path / comparison.challenger, chosen.digest)
    decision = decide_promotion(comparison, scorer, has_signature=True)
    assert decision.promoted and "passed 2 gates." in decision.reason
    assert [gate.name for gate in decision.gates] == ["has_signal", "beats_random"]
    assert (
        scorer.card.task == "failure" and scorer.card.risk_levels.model_dump() == TASK.risk_levels
    )
    assert scorer.card.settings == {"gap_days": 0, "horizon_days": 7}
    assert {row["candidate"] for row in comparison.leaderboard()} == {
        "stump",
        "free",
        "nobody",
        "everybody",
        "oldest_first",
    }
    labels = [axes.get_ylabel() for axes in leaderboard_figure(comparison).axes]
    assert labels == ["failures reached", "per 1000 machines"]
