"""Generated examples: weekly customer rows whose churn depends on the features, or is random."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from retention_assets.modeling.calibration import Platt
from retention_assets.modeling.candidates.declared import Candidate, candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted, Preprocess
from retention_assets.modeling.evaluation.candidate_evaluation import (
    CandidateEvaluation,
    evaluate_candidate,
)
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import Model, Trained, served_model
from retention_assets.modeling.task import Task
from retention_assets.modeling.utility import ContactUtility
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.training.task import churn_split, churn_task

FEATURES = ("recency_days", "engagement_score", "total_revenue", "plan_basic")
FIRST_MONDAY = np.datetime64("2024-02-05")
# A contact costs 8 and saves 30 if the customer would churn; a fifth can be contacted.
UTILITY = ContactUtility(contact_cost=8, saved_margin=120, save_rate=0.25, capacity_share=0.2)


def examples(customers: int = 400, weeks: int = 24, seed: int = 1, signal: float = 1.5) -> Examples:
    """One row a customer and week. `signal` 0: labels are noise. Some values are unknown."""
    rng = np.random.default_rng(seed)
    who = np.repeat([f"C{number:05d}" for number in range(customers)], weeks)
    when = np.tile(FIRST_MONDAY + 7 * np.arange(weeks), customers).astype("datetime64[D]")
    latent = np.repeat(rng.normal(size=customers), weeks) + 0.3 * rng.normal(size=len(who))
    X = np.column_stack(
        [
            np.exp(2.5 + 0.5 * latent + 0.8 * rng.normal(size=len(who))),
            1 / (1 + np.exp(latent + 0.5 * rng.normal(size=len(who)))),
            np.exp(4 + rng.normal(size=len(who))),
            np.repeat(rng.random(customers) < 0.4, weeks).astype(np.float64),
        ]
    )
    X[rng.random(len(who)) < 0.05, 1] = np.nan
    y = (rng.random(len(who)) < 1 / (1 + np.exp(1.6 - signal * latent))).astype(np.int8)
    order = np.lexsort((who, when))
    return Examples(FEATURES, who[order], when[order], X[order], y[order])


def contacted(data: Examples, seed: int = 1) -> Examples:
    """The same rows; a pilot contacted a third of them at random, which kept all of these."""
    acted = np.random.default_rng(seed).random(len(data)) < 1 / 3
    labels = np.where(acted, 0, data.y).astype(np.int8)
    return replace(data, y=labels, weights=np.where(acted, 0.0, 1.5))


def as_table(data: Examples):
    """The examples as training/churn_examples holds them."""
    import pyarrow as pa

    days: list[date] = data.as_of.astype(object).tolist()
    columns = {name: data.X[:, at] for at, name in enumerate(data.features)}
    return pa.table(
        {
            "customer_id": data.entities.tolist(),
            "as_of": days,
            **{name: pa.array(values, mask=np.isnan(values)) for name, values in columns.items()},
            "label": pa.array(data.y.astype(np.int32)),
            "left_in_gap": data.reachable != data.y,
            "label_observed_at": [day + timedelta(days=51) for day in days],
            "treated": pa.array(data.w == 0),
            "weight": pa.array(data.w),
        }
    )


def fit_rows(data: Examples) -> FitRows:
    """The rows for a candidate's fit. Every tenth customer belongs to the stop rows."""
    stop = np.unique(data.entities, return_inverse=True)[1] % 10 == 0
    return FitRows(data.X, data.y, np.ones(len(data)), stop)


def churn(**settings) -> Task:
    """The churn Task of the embedded source."""
    values = {"source": "simulated", "gap_days": 7, "test_weeks": 3, "folds": 1} | settings
    loaded = Settings(**values)
    return churn_task(loaded, load_profile(loaded))


def evaluate(candidate: Candidate, data: Examples, folder: Path, task: Task) -> CandidateEvaluation:
    """The candidate evaluated on the last weeks."""
    split = churn_split(data, task)
    return evaluate_candidate(candidate, data, split=split, task=task, folder=folder)


def hand_made(data: Examples, a: float = 1.0, notes: dict[str, float] | None = None) -> Trained:
    """A trained model without training: recency raises the odds, engagement lowers them.

    `a` is Platt's slope.
    """
    content = json.dumps({"coef": [1.0, -1.0, 0.0, 0.0], "intercept": -1.0}).encode()
    fitted = Fitted(content, Preprocess.of(data.X), notes or {})
    served = served_model("logistic_regression", content, len(data.features))
    model = Model(candidate("logistic_regression"), fitted, Platt(a, 0.0), served, seconds=0.5)
    return Trained(model, [], model.probabilities(data.X), data.y, data.entities)
