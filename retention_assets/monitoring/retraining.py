"""One decision with one reason: retrain or not. Drift, new labels and age are weighed together, so
that they cannot start two trainings.

Days are days of the data, not of the calendar: a source that ended in 2011 is treated as it was
then.
"""

from dataclasses import dataclass

from retention_assets.settings import MonitoringSettings

SHOWN = 3  # names of features or checks in a reason


@dataclass(frozen=True)
class RetrainingEvidence:
    """What the decision is based on. `days_since_training` None: nothing was trained yet."""

    failed_checks: tuple[str, ...]
    new_labels: int
    days_since_training: int | None
    drifted_features: tuple[str, ...]


@dataclass(frozen=True)
class RetrainingDecision:
    """Whether to train again, and the reason in one sentence."""

    retrain: bool
    reason: str


def decide_retraining(
    evidence: RetrainingEvidence, settings: MonitoringSettings
) -> RetrainingDecision:
    """The first rule that applies. Rules against a training come before rules for one."""
    age = evidence.days_since_training
    new = evidence.new_labels
    enough = settings.retrain_min_new_labels
    drifted = evidence.drifted_features
    drift = f"{len(drifted)} features have drifted ({', '.join(drifted[:SHOWN])})"
    if failed := evidence.failed_checks:
        return RetrainingDecision(
            False, f"{len(failed)} data checks fail ({', '.join(failed[:SHOWN])})."
        )
    if age is None:
        reason = "Nothing was trained yet" + ("." if new else ", and no label has matured.")
        return RetrainingDecision(new > 0, reason)
    if age < (pause := settings.retrain_cooldown_days):
        reason = f"Cool-down: trained {age} days ago; at least {pause} days must pass."
        return RetrainingDecision(False, reason)
    if new < enough:
        start = f"{drift}, but only" if drifted else "Only"
        matured = f"{new} new labels have matured since the last training"
        reason = f"{start} {matured}; {enough} are needed."
        return RetrainingDecision(False, reason)
    if drifted:
        return RetrainingDecision(True, f"{drift}, and {new} new labels have matured.")
    if age >= (every := settings.retrain_every_days):
        reason = f"The last training was {age} days ago, and {new} new labels have matured."
        return RetrainingDecision(True, reason)
    reason = f"No drift, and the last training was {age} days ago; the next is due after {every}."
    return RetrainingDecision(False, reason)
