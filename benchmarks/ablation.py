"""What each family of features is worth: log loss on the rolling origins, without it or with it.

A source is filled up to the examples once. Then all features that the source can fill are computed
for the examples' customers and days. XGBoost and logistic regression, with their declared
parameters, are fitted on each fold: with the features that models read, without one family of
them, and with one family of those that are left out. `change` is the log loss less that of the
features that models read: below zero, the models are better so. The untouched weeks are not read.
Usage: `python benchmarks/ablation.py [--source simulated] [--seed 7] [--customers 5000]
[--days 400] [FAMILY ...]`; Online Retail also needs `RETENTION_DATA_DIR`.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from churn_training import filled_examples
from report import publish

from retention_assets.features.expressions import (
    SignedLogRatio,
    Variation,
    WeightedSum,
    WindowRate,
    walk,
)
from retention_assets.features.feature import Feature
from retention_assets.features.store import FeatureStore
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets.modeling.evaluation.candidate_evaluation import fold_means
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.settings import Settings
from retention_assets.training.task import churn_split, churn_task

SOURCES = ("simulated", "online_retail")
MODELS = ("xgboost", "logistic_regression")
# The first that an expression has a part of decides.
FORMS = (
    ("spread", Variation),
    ("decayed rates", WeightedSum),
    ("trends", SignedLogRatio),
    ("rates", WindowRate),
)
OTHER_FORM = "other forms"


def family_of_form(feature: Feature) -> str:
    """What kind of expression the feature is."""
    parts = list(walk(feature.expression))
    forms = (name for name, kind in FORMS if any(isinstance(part, kind) for part in parts))
    return next(forms, OTHER_FORM)


def families(features: Sequence[Feature]) -> dict[str, list[str]]:
    """Family -> its features: by group and by form of those that models read, and by reason of the
    others. A reason that names another feature counts as the same reason.
    """
    members: dict[str, list[str]] = {}
    for feature in features:
        if feature.left_out_because is None:
            names = [feature.group, family_of_form(feature)]
        else:
            names = [f"left out: {_reason(feature.left_out_because)}"]
        for name in names:
            members.setdefault(name, []).append(feature.name)
    return members


def _reason(text: str) -> str:
    return "nearly the same" if text.startswith("Nearly the same") else text


def with_all_features(data: Examples, platform: Platform) -> tuple[Examples, list[Feature]]:
    """The examples with every feature that the source can fill, and these features."""
    settings = platform.settings
    store = FeatureStore(Lake.of(settings), platform.profile, OnlineStore.of(settings))
    entities = pa.table({"customer_id": data.entities, "as_of": data.as_of})
    names = [feature.name for feature in store.features]
    table = store.get_historical_features(entities).frame.select(*names).toArrow()
    matrix = np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
    return replace(data, features=tuple(names), X=matrix), store.features


def log_losses(
    data: Examples, names: Sequence[str], split: TrainTestSplit, task: Task
) -> dict[str, float]:
    """Candidate -> mean log loss over the folds, with these features."""
    chosen = replace(data, features=tuple(names), X=data.columns(names))
    return {item.name: _log_loss(item, chosen, split, task) for item in _models()}


def _log_loss(candidate: Candidate, data: Examples, split: TrainTestSplit, task: Task) -> float:
    folds = [evaluate_fold(candidate, data, fold, task) for fold in split.folds]
    return fold_means(folds)["log_loss"]


def _models() -> list[Candidate]:
    return [item for item in CANDIDATES if item.name in MODELS]


def measure(
    data: Examples, features: Sequence[Feature], task: Task, only: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """A row for the features that models read, and one for each of these families; none: all."""
    split = churn_split(data, task)
    inputs = [feature.name for feature in features if feature.is_model_input]
    base = log_losses(data, inputs, split, task)
    yield _row("what models read", inputs, base, base)
    for family, members in families(features).items():
        if only and family not in only:
            continue
        is_read = members[0] in inputs
        names = [name for name in inputs if name not in members] if is_read else [*inputs, *members]
        change = f"{'without' if is_read else 'with'} {family}"
        yield _row(change, names, log_losses(data, names, split, task), base)


def _row(
    change: str, names: Sequence[str], losses: Mapping[str, float], base: Mapping[str, float]
) -> dict[str, Any]:
    row: dict[str, Any] = {"features": change, "count": len(names)}
    for model, loss in losses.items():
        row |= {model: round(loss, 5), f"{model} change": round(loss - base[model], 5)}
    return row


def main(arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            home=Path(folder),
            source=arguments.source,
            simulated_seed=arguments.seed,
            simulated_customers=arguments.customers,
            simulated_days=arguments.days,
        )
        platform = Platform.of(settings)
        data, features = with_all_features(filled_examples(platform), platform)
    task = churn_task(platform.settings, platform.profile)
    rows: list[dict[str, Any]] = []
    for row in measure(data, features, task, arguments.families):
        print(row, file=sys.stderr, flush=True)
        rows.append(row)
    size = {"customers": arguments.customers, "days": arguments.days, "seed": arguments.seed}
    notes = {"source": arguments.source} | (size if platform.profile.is_simulated else {})
    publish(__file__, rows, notes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("families", nargs="*", metavar="FAMILY")
    parser.add_argument("--source", choices=SOURCES, default=SOURCES[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--days", type=int, default=400)
    main(parser.parse_args())
