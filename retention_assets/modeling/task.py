"""A learning problem as data: all that `modeling/` knows about churn, fraud or a flat table."""

from collections.abc import Mapping
from dataclasses import dataclass

from retention_assets.modeling.candidates.declared import Candidate
from retention_assets.modeling.evaluation.baselines import Baseline
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.modeling.promotion.evidence import Gate
from retention_assets.modeling.promotion.gates import GATES
from retention_assets.modeling.utility import Utility
from retention_assets.modeling.words import Words


@dataclass(frozen=True)
class SearchBudget:
    """How much a search of parameters may cost for each candidate.

    `trials`: sets of parameters; below two nothing is searched. `seconds`: a limit that stops a
    search on a slow machine, and is recorded then. `rows`: training rows of a trial's largest fold.
    """

    trials: int
    seconds: float
    rows: int


NO_SEARCH = SearchBudget(trials=1, seconds=0.0, rows=1)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One problem: its rows, its utility, its candidates and the gates they must pass.

    Rows of one entity stay together in every split and draw. `source` and `examples` say which
    source and which table the rows come from. `label_window` is None where rows have no time.
    `median_slices`: features at whose median the rows are cut into two slices; every 0/1 feature
    is a slice anyway. `test_periods`: as-of dates of the untouched test. `calibration_tolerance`:
    how far probabilities may be from observed rates. `max_latency_ratio`: how many times as long as
    a linear model the challenger may take for one row.
    """

    name: str
    words: Words
    source: str
    examples: str
    label_window: LabelWindow | None
    utility: Utility
    baselines: tuple[Baseline, ...]
    median_slices: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    gates: tuple[Gate, ...] = GATES
    risk_levels: Mapping[str, float]
    test_periods: int
    folds: int
    search: SearchBudget = NO_SEARCH
    seed: int
    bootstrap_rounds: int
    calibration_tolerance: float
    max_latency_ratio: float

    @property
    def purge_days(self) -> int:
        """Days that keep a training row's label window out of the period it is tested on."""
        return self.label_window.purge_days if self.label_window else 0
