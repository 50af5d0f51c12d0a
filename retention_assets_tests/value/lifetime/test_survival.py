"""Subscriptions: hazards from truncated and censored data, and values that hold in simulation."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from retention_assets.errors import CustomerValueError, NotTrainableError
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.subscriptions import Subscriptions
from retention_assets.value.lifetime.survival import SurvivalModel, fit_survival

HORIZON = Horizon(0.1)
HAZARDS = {"monthly": (0.08, 0.03), "yearly": (0.02, 0.01)}  # in the first six months, and later


@dataclass(frozen=True)
class Subscribers:
    """What two years of data show, and how many more months the running ones will stay."""

    rows: Subscriptions
    plan: NDArray[np.str_]
    tenure: NDArray[np.int64]
    months_left: NDArray[np.int64]


def simulate_subscribers(count: int, seed: int) -> Subscribers:
    """They begin up to 60 months before the data, or within its 24 months."""
    rng = np.random.default_rng(seed)
    plan = rng.choice(list(HAZARDS), count)
    hazards = np.array([HAZARDS[name] for name in plan])
    early = rng.geometric(hazards[:, 0]) - 1
    lifetime = np.where(early < 6, early, 5 + rng.geometric(hazards[:, 1]))
    begin = rng.integers(-60, 24, count)
    entry = np.maximum(-begin, 0)
    tenure_now = 24 - begin
    ended = lifetime < tenure_now
    known = lifetime >= entry
    running = ~ended
    return Subscribers(
        rows=Subscriptions(
            plan[known],
            entry[known],
            np.where(ended, lifetime, tenure_now)[known],
            ended[known],
        ),
        plan=plan[running],
        tenure=tenure_now[running],
        months_left=(lifetime - tenure_now)[running],
    )


@pytest.fixture(scope="module")
def subscribers() -> Subscribers:
    return simulate_subscribers(12_000, seed=1)


@pytest.fixture(scope="module")
def model(subscribers: Subscribers) -> SurvivalModel:
    return fit_survival(subscribers.rows, HORIZON)


def test_hazards_are_recovered(model: SurvivalModel) -> None:
    """Although those who left before the data started are missing."""
    for row, plan in enumerate(model.plans):
        hazard = model.ends[row] / (model.ends[row] + model.stays[row])
        late = model.band_starts >= 6
        assert hazard[~late] == pytest.approx(HAZARDS[plan][0], rel=0.35)
        assert hazard[late] == pytest.approx(HAZARDS[plan][1], rel=0.35)


def test_interval_covers_ninety_percent(subscribers: Subscribers, model: SurvivalModel) -> None:
    """And not many more: whole months and the end of the horizon make it cover a little more."""
    stayed = np.clip(subscribers.months_left, 0, 36)
    worth = np.r_[0.0, np.cumsum(HORIZON.month_end_discounts())]
    margin = 10.0 * worth[stayed]
    value = model.value(subscribers.plan, subscribers.tenure, np.full(len(stayed), 10.0))
    inside = (margin >= value.margin_lower - 1e-9) & (margin <= value.margin_upper + 1e-9)
    assert 0.88 < inside.mean() < 0.96
    assert value.margin.sum() == pytest.approx(margin.sum(), rel=0.03)
    assert value.months.sum() == pytest.approx(stayed.sum(), rel=0.03)


def constant(hazard: float, horizon: Horizon) -> SurvivalModel:
    """A plan whose hazard is known exactly."""
    ends = np.array([[hazard], [hazard]]) * 1e12
    stays = np.array([[1 - hazard], [1 - hazard]]) * 1e12
    return SurvivalModel(np.array(["a"]), np.array([0]), ends, stays, horizon)


def test_value_matches_geometric_series() -> None:
    model = constant(0.2, Horizon(0.0, months=3))
    value = model.value(np.array(["a"]), np.array([7]), np.array([10.0]))
    assert value.months == pytest.approx([0.8 + 0.64 + 0.512])
    assert value.margin == pytest.approx([19.52])
    # Nothing has a probability of 20 %, so the interval starts there; half of them stay to the end.
    assert (value.margin_lower[0], value.margin_upper[0]) == pytest.approx((0.0, 30.0))


def test_sure_stay_has_a_lower_limit() -> None:
    """With 1 % a month, 10 % are gone after 10.48 months."""
    value = constant(0.01, Horizon(0.0)).value(np.array(["a"]), np.array([0]), np.ones(1))
    assert (value.margin_lower[0], value.margin_upper[0]) == pytest.approx((10.0, 36.0))


def test_posterior_survival_contains_uncertainty() -> None:
    """Beta(1, 9) gives 9 / (9 + k) to stay k months, more than 0.9^k."""
    model = SurvivalModel(
        np.array(["a"]), np.array([0]), np.ones((2, 1)), np.full((2, 1), 9.0), HORIZON
    )
    staying = model.survival(np.array(["a"]), np.array([0]))[0]
    assert staying == pytest.approx(9 / (9 + np.arange(1, 37)))


def test_unknown_plan_takes_all_plans_hazard(model: SurvivalModel) -> None:
    plans = np.array(["monthly", "new", "yearly"])
    value = model.value(plans, np.full(3, 12), np.full(3, 10.0))
    assert value.margin[0] < value.margin[1] < value.margin[2]


def test_longer_tenure_than_observed_has_a_value(model: SurvivalModel) -> None:
    value = model.value(np.array(["yearly", "yearly"]), np.array([80, 400]), np.full(2, 10.0))
    assert value.margin[0] == pytest.approx(value.margin[1])


def test_grouped_rows_fit_alike(subscribers: Subscribers, model: SurvivalModel) -> None:
    """Spark counts equal subscriptions, so that no table of customers is collected."""
    rows = subscribers.rows
    keys = np.array(
        [*zip(rows.plan, rows.entry, rows.tenure, rows.ended, strict=True)],
        dtype=[("plan", "U10"), ("entry", int), ("tenure", int), ("ended", bool)],
    )
    groups, count = np.unique(keys, return_counts=True)
    grouped = fit_survival(
        Subscriptions(
            groups["plan"], groups["entry"], groups["tenure"], groups["ended"], count.astype(float)
        ),
        HORIZON,
    )
    np.testing.assert_allclose(grouped.ends, model.ends)
    np.testing.assert_allclose(grouped.stays, model.stays)


def test_no_ended_subscription_is_refused() -> None:
    rows = Subscriptions(np.array(["a"]), np.array([0]), np.array([9]), np.array([False]))
    with pytest.raises(NotTrainableError, match="None of 1 subscriptions has ended"):
        fit_survival(rows, HORIZON)


def test_bad_margin_or_tenure_is_refused(model: SurvivalModel) -> None:
    plan = np.array(["monthly"])
    with pytest.raises(CustomerValueError, match="monthly margin is negative"):
        model.value(plan, np.array([1]), np.array([-1.0]))
    with pytest.raises(CustomerValueError, match="tenure is no whole number"):
        model.value(plan, np.array([-1]), np.array([1.0]))
