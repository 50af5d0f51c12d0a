"""Expressions that several rows share, and the reasons for which models do not read a feature."""

from itertools import pairwise

from retention_assets.features.expressions import (
    Exposure,
    Ratio,
    SignedLogRatio,
    Sum,
    Variation,
    WeightedSum,
    WeightedTerm,
    WindowRate,
)

# Log loss on the rolling origins of the embedded source with seed 7, XGBoost and logistic
# regression: with all such features it was higher than without.
HABIT = "Log loss on rolling origins was no better with ratios to the customer's own habit."
GROWS = "It grows as long as the source runs; models read rates per day of exposure."
NOT_MEASURED = "Not measured on rolling origins yet."

STEPS = (0, 7, 30, 60, 90, 180)  # windows that models read: each one more costs time per as-of day
VARIATION_DAYS = 30


def nearly_the_same_as(name: str) -> str:
    """The reason to leave out a feature that another one makes redundant."""
    return f"Nearly the same as {name}, which models read."


def trend(measure: str, days: int) -> SignedLogRatio:
    """The last `days` days against the `days` before them, both scaled by exposure to a full
    window.
    """
    return SignedLogRatio(
        WindowRate(measure, days, per_days=days),
        WindowRate(measure, 2 * days, until=days, per_days=days),
    )


def decayed_rate(measure: str, half_life_days: int, steps: tuple[int, ...] = STEPS) -> Ratio:
    """A rate per day in which a day counts half as much as one that is a half-life younger.

    The exponential weights are approximated by one weight per step, that of its middle, so that the
    sums are exact in any order and come from the same windows as other features. Days of exposure
    have the same weights.
    """
    windows = [
        (start, end, round(2.0 ** (-(start + end) / 2 / half_life_days), 4))
        for start, end in pairwise(steps)
    ]
    return Ratio(
        WeightedSum(
            tuple(WeightedTerm(Sum(measure, end, start), weight) for start, end, weight in windows)
        ),
        WeightedSum(
            tuple(WeightedTerm(Exposure(end, start), weight) for start, end, weight in windows)
        ),
    )


def ratio_to_habit(measure: str, days: int, habit_days: int) -> Ratio:
    """The rate of the last `days` days divided by that of the days before them, up to `habit_days`
    ago.
    """
    return Ratio(WindowRate(measure, days), WindowRate(measure, habit_days, until=days))


def variation(measure: str, days: int) -> Variation:
    """How much the rates of disjoint windows of VARIATION_DAYS vary over the last `days` days."""
    return Variation(
        tuple(
            WindowRate(measure, start + VARIATION_DAYS, until=start)
            for start in range(0, days, VARIATION_DAYS)
        )
    )
