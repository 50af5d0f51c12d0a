"""The churn Task: what modeling needs to know of customers who leave, from settings and profile."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from retention_assets import keys
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.modeling.evaluation.baselines import (
    EVERYBODY,
    NOBODY,
    Baseline,
    log_feature,
)
from retention_assets.modeling.evaluation.candidate_evaluation import CandidateEvaluation
from retention_assets.modeling.examples import Examples, from_arrow
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.modeling.promotion.comparison import Comparison, aligned, compare
from retention_assets.modeling.splits import (
    TrainTestSplit,
    forward_split,
    purged_before,
    require_folds,
)
from retention_assets.modeling.task import SearchBudget, Task
from retention_assets.modeling.utility import ContactUtility
from retention_assets.modeling.words import Words
from retention_assets.training.columns import BOOKKEEPING

if TYPE_CHECKING:
    import pyarrow as pa

    from retention_assets.settings import Settings
    from retention_assets.sources.profile import Profile

SCORE_COLUMNS = (
    ("customer_id", "string"),
    ("as_of", "date"),
    ("label", "int"),
    ("probability", "double"),
)
WORDS = Words(
    entity="customer",
    entities="customers",
    positives="churners",
    negatives="stayers",
    acted_on="contacted",
)
RECENCY_ONLY = Baseline("recency_only", log_feature("recency_days"), ranks=True)
MEDIAN_SLICES = ("tenure_days", "recency_days", "revenue_rate_180d")


def churn_task(settings: "Settings", profile: "Profile") -> Task:
    """The churn Task of one source."""
    return Task(
        name=keys.CHURN,
        words=WORDS,
        source=profile.name,
        examples=keys.CHURN_EXAMPLES,
        label_window=churn_window(settings, profile),
        utility=contact_utility(settings),
        baselines=(NOBODY, EVERYBODY, RECENCY_ONLY),
        median_slices=MEDIAN_SLICES,
        candidates=CANDIDATES,
        risk_levels=risk_levels(settings),
        test_periods=settings.test_weeks,
        folds=settings.folds,
        search=SearchBudget(settings.search_trials, settings.search_seconds, settings.search_rows),
        seed=settings.seed,
        bootstrap_rounds=settings.bootstrap_rounds,
        calibration_tolerance=settings.calibration_tolerance,
        max_latency_ratio=settings.max_predict_ratio,
    )


def churn_window(settings: "Settings", profile: "Profile") -> LabelWindow:
    """When a churn label is decided. A given one starts at its as-of day, without a gap."""
    churn = profile.churn
    gap_days = 0 if churn.kind == "label" else settings.gap_days
    return LabelWindow(gap_days, churn.horizon_days, churn.reporting_lag_days)


def contact_utility(settings: "Settings") -> ContactUtility:
    """What a contact costs and saves, by the settings."""
    return ContactUtility(
        contact_cost=settings.contact_cost,
        saved_margin=settings.saved_margin,
        save_rate=settings.save_rate,
        capacity_share=settings.capacity_share,
    )


def risk_levels(settings: "Settings") -> dict[str, float]:
    """Risk level -> the probability at which it begins; below all of them the level is LOW."""
    return {
        "MEDIUM": settings.risk_medium,
        "HIGH": settings.risk_high,
        "CRITICAL": settings.risk_critical,
    }


def matured_mondays(profile: "Profile", settings: "Settings", through: date) -> list[date]:
    """Mondays of weeks with enough history and labels that are final by the end of `through`.

    Given labels can be as of any day of the week; the others are as of its Monday.
    """
    first = profile.start + timedelta(days=settings.min_history_days)
    last_as_of = 6 if profile.churn.kind == "label" else 0
    until = through - timedelta(days=last_as_of)
    return churn_window(settings, profile).matured_mondays(first, until)


def churn_examples(table: "pa.Table") -> Examples:
    """The rows of training/churn_examples as arrays."""
    return from_arrow(
        table,
        entity="customer_id",
        not_features=tuple(BOOKKEEPING),
        too_late="left_in_gap",
        weight="weight",
    )


def churn_split(data: Examples, task: Task) -> TrainTestSplit:
    """The last weeks as the untouched test, and folds before them that choose the challenger."""
    split = forward_split(
        data, test_periods=task.test_periods, folds=task.folds, purge_days=task.purge_days
    )
    return require_folds(split)


def score_table(evaluation: CandidateEvaluation) -> "pa.Table":
    """A candidate's test scores with SCORE_COLUMNS."""
    import pyarrow as pa

    test = evaluation.test
    columns = (test.entities, test.as_of, test.y.astype(np.int32), evaluation.p)
    names = [name for name, _ in SCORE_COLUMNS]
    return pa.table([pa.array(column) for column in columns], names=names)


def compare_candidates(
    data: Examples,
    read: Callable[[str], "pa.Table"],
    task: Task,
    *,
    records: Mapping[str, Mapping[str, Any]],
) -> Comparison:
    """The candidates by their stored test scores; `read`: asset key -> table. `records`: trained
    candidate -> what was recorded of its evaluation, with its figures on the folds.
    """
    tables = {name: read(keys.churn_candidate(name)) for name in records}
    dates = {
        name: table["as_of"].to_numpy().astype("datetime64[D]") for name, table in tables.items()
    }
    weeks = np.unique(np.concatenate(list(dates.values())))
    test = data.take(np.isin(data.as_of, weeks))
    probabilities = {
        name: aligned(
            test,
            table["customer_id"].to_numpy().astype(str),
            dates[name],
            table["probability"].to_numpy(),
            name,
        )
        for name, table in tables.items()
    }
    return compare(
        task,
        data,
        train=purged_before(data, weeks[0], task.purge_days),
        test=test,
        probabilities=probabilities,
        fold_scores={name: record["fold_scores"] for name, record in records.items()},
        chosen_on=next(iter(records.values()))["chosen_on"],
    )
