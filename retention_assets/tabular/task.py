"""The Task of one flat table: rows, the money of a contact, and the label window if stated."""

from dataclasses import replace
from typing import TYPE_CHECKING

from retention_assets import keys
from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets.modeling.evaluation.baselines import (
    EVERYBODY,
    NOBODY,
    Baseline,
    log_feature,
)
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.modeling.task import SearchBudget, Task
from retention_assets.modeling.utility import ContactUtility
from retention_assets.modeling.words import Words

if TYPE_CHECKING:
    from retention_assets.settings import Settings

WORDS = Words(entity="row", entities="rows")
RECENCY_ONLY = Baseline("recency_only", log_feature("recency_days"), ranks=True)
MEDIAN_SLICES = ("tenure_days", "recency_days", "total_revenue")

# A table has fewer rows than a platform's history: more trees, fitted again on all rows.
TREES = {"rounds": 600, "patience": 50, "refit": True}


def table_task(settings: "Settings", table: str, window: LabelWindow | None = None) -> Task:
    """`table`: its name. `window`: after a row's day, the days that decide its label."""
    return Task(
        name=keys.TABLE,
        words=WORDS,
        source=table,
        examples=table,
        label_window=window,
        utility=ContactUtility(
            contact_cost=settings.contact_cost,
            saved_margin=settings.saved_margin,
            save_rate=settings.save_rate,
            capacity_share=settings.capacity_share,
        ),
        baselines=(NOBODY, EVERYBODY, RECENCY_ONLY),
        median_slices=MEDIAN_SLICES,
        candidates=tuple(map(_for_tables, CANDIDATES)),
        risk_levels={
            "MEDIUM": settings.risk_medium,
            "HIGH": settings.risk_high,
            "CRITICAL": settings.risk_critical,
        },
        test_periods=1,
        folds=settings.folds,
        search=SearchBudget(settings.search_trials, settings.search_seconds, settings.search_rows),
        seed=settings.seed,
        bootstrap_rounds=settings.bootstrap_rounds,
        calibration_tolerance=settings.calibration_tolerance,
        max_latency_ratio=settings.max_predict_ratio,
    )


def _for_tables(candidate: Candidate) -> Candidate:
    if candidate.kind != "xgboost":
        return candidate
    return replace(candidate, params={**candidate.params, **TREES})
