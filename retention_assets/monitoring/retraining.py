"""One decision with one reason: train again or not. Drift, new labels and age all enter here, so that they cannot
start two trainings.

Days are the data's, never the wall clock's: a source that ended in 2011 is judged as it was then.
"""

from dataclasses import dataclass

from retention_assets.settings import Settings


@dataclass(frozen=True)
class Evidence:
    """What is known when the decision is made. `days_since_training` None: nothing was ever trained."""

    failed_checks: tuple[str, ...]
    new_labels: int
    days_since_training: int | None
    drifted_features: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    retrain: bool
    reason: str


def decide(seen: Evidence, settings: Settings) -> Decision:
    """The first line that applies. What forbids a training stands before what asks for one."""
    age, new, enough = seen.days_since_training, seen.new_labels, settings.retrain_min_new_labels
    drift = f"{len(seen.drifted_features)} features have drifted ({', '.join(seen.drifted_features[:3])})"
    if seen.failed_checks:
        return Decision(
            False,
            f"Data first: {len(seen.failed_checks)} checks fail ({', '.join(seen.failed_checks[:3])}).",
        )
    if age is None:
        return Decision(
            new > 0,
            "Nothing was trained yet."
            if new
            else "Nothing was trained yet, and no label has matured.",
        )
    if age < settings.retrain_cooldown_days:
        return Decision(
            False,
            f"Cool-down: trained {age} days ago, at least {settings.retrain_cooldown_days} must pass.",
        )
    if new < enough:
        watch = f"Watch: {drift}, but only" if seen.drifted_features else "Only"
        return Decision(
            False,
            f"{watch} {new} new labels have matured since the last training; {enough} are needed.",
        )
    if seen.drifted_features:
        return Decision(True, f"{drift}, and {new} new labels have matured.")
    if age >= settings.retrain_every_days:
        return Decision(
            True, f"The last training was {age} days ago, and {new} new labels have matured."
        )
    return Decision(
        False,
        f"No drift, and the last training was {age} days ago; {settings.retrain_every_days} is the rhythm.",
    )
