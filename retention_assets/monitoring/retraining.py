"""One decision with one reason: search for a better recipe, refit the champion's, or neither.

Evidence decides. A refit renews the champion with labels that have matured. A search trains all
candidates, and needs a reason beyond the passing of time. All inputs are weighed together, so that
they cannot start two trainings.

Days are days of the data, not of the calendar: a source that ended in 2011 is treated as it was
then.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from retention_assets.settings import MonitoringSettings

SHOWN = 3  # names of features or checks in a reason

Action = Literal["none", "refit", "search"]


@dataclass(frozen=True)
class RealizedFigures:
    """The champion's AUC on weeks that matured after its training, by customer, and its record."""

    recorded_auc: float
    auc: float
    auc_high: float


@dataclass(frozen=True, kw_only=True)
class RetrainingEvidence:
    """What the decision is based on. `days_since_training` None: nothing was trained yet.

    `new_customers`: customers with labels that the last training did not have. `untested_weeks`:
    labeled weeks since the last spent test period. `test_weeks`: how many a period takes.
    `drifted_features`: those whose drift moves the champion's probabilities.
    """

    failed_checks: tuple[str, ...] = ()
    has_champion: bool = True
    has_other_features: bool = False
    new_customers: int = 0
    days_since_training: int | None = None
    drifted_features: tuple[str, ...] = ()
    realized: RealizedFigures | None = None
    untested_weeks: int = 0
    test_weeks: int = 1


@dataclass(frozen=True)
class RetrainingDecision:
    """What to start, and the reason in one sentence."""

    action: Action
    reason: str


def decide_retraining(
    evidence: RetrainingEvidence, settings: MonitoringSettings
) -> RetrainingDecision:
    """The first rule that applies. Rules against a training come before rules for one."""
    age = evidence.days_since_training
    new = evidence.new_customers
    enough = settings.retrain_min_new_customers
    if failed := evidence.failed_checks:
        checks = f"{len(failed)} data checks fail ({', '.join(failed[:SHOWN])})."
        return RetrainingDecision("none", checks)
    if age is None:
        reason = "Nothing was trained yet" + ("." if new else ", and no label has matured.")
        return RetrainingDecision("search" if new else "none", reason)
    if evidence.has_other_features:
        reason = "The champion was trained on features of another definition than today's."
        return RetrainingDecision("search", reason)
    if age < (pause := settings.retrain_cooldown_days):
        reason = f"Cool-down: trained {age} days ago; at least {pause} days must pass."
        return RetrainingDecision("none", reason)
    reasons = list(reasons_to_search(evidence))
    if new < enough:
        start = f"{'; '.join(reasons)}, but only" if reasons else "Only"
        matured = f"{new} customers have labels that the last training did not have"
        return RetrainingDecision("none", f"{start} {matured}; {enough} are needed.")
    matured = f"labels of {new} customers have matured"
    if reasons:
        return RetrainingDecision("search", f"{'; '.join(reasons)}, and {matured}.")
    if age >= (every := settings.retrain_every_days):
        action: Action = "refit" if evidence.has_champion else "search"
        reason = f"The last training was {age} days ago, and {matured}."
        return RetrainingDecision(action, reason)
    reason = f"No drift, and the last training was {age} days ago; the next is due after {every}."
    return RetrainingDecision("none", reason)


def reasons_to_search(evidence: RetrainingEvidence) -> Iterator[str]:
    """What speaks for another recipe than the champion's."""
    if drifted := evidence.drifted_features:
        yield f"{len(drifted)} features have drifted and move scores ({', '.join(drifted[:SHOWN])})"
    realized = evidence.realized
    if realized and realized.auc_high < realized.recorded_auc:
        yield (
            f"The champion's AUC on new weeks is {realized.auc:.3f}, at most "
            f"{realized.auc_high:.3f}; its test recorded {realized.recorded_auc:.3f}"
        )
    if evidence.has_champion and evidence.untested_weeks >= evidence.test_weeks:
        yield f"A test period has opened: {evidence.untested_weeks} weeks are untested"
