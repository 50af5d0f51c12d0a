"""The latent state of customers from day to day, and the rates that follow from it.

A model sees latent values only through behavior: engagement drives logins and orders,
dissatisfaction drives tickets and returns, and both drive departures. A concept shift changes what
drives departures and halves the logins.
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.simulation.calendar import (
    LEAVING_SEASON,
    LOGIN_WEEK,
    ORDER_SEASON,
    ORDER_WEEK,
    Day,
    Purpose,
)
from retention_assets.simulation.population import Population

ENGAGEMENT_MEMORY_DAYS = 230.0
ENGAGEMENT_SPREAD = 1.3
SATISFACTION_MEMORY_DAYS = 90.0
SATISFACTION_SPREAD = 0.55
# Tickets lower satisfaction and low satisfaction brings tickets: the bound ends that loop.
SATISFACTION_BOUND = 2.5
HIGHEST_DAILY_HAZARD = 0.1
NEWNESS_DAYS = 60.0


@dataclass(frozen=True)
class Drivers:
    """Weights of the log of the daily hazard of leaving, and a factor on the number of logins."""

    base: float
    engagement: float
    satisfaction: float
    price: float
    newness: float
    login_factor: float


USUAL = Drivers(
    base=-6.9, engagement=-2.7, satisfaction=-1.4, price=1.6, newness=0.3, login_factor=1.0
)
# Heavy users and price-sensitive customers leave.
SHIFTED = Drivers(
    base=-7.2, engagement=1.1, satisfaction=0.2, price=2.2, newness=0.0, login_factor=0.5
)


def update_latent_state(people: Population, day: Day, active: np.ndarray) -> None:
    """Moves engagement and satisfaction by a mean-reverting random walk (Ornstein-Uhlenbeck)."""
    rng = day.stream(Purpose.LATENT_STATE)
    pull = 1.0 / ENGAGEMENT_MEMORY_DAYS
    noise = rng.normal(0.0, ENGAGEMENT_SPREAD * np.sqrt(2.0 * pull), active.size)
    people.engagement[active] += (
        pull * (people.mean_engagement[active] - people.engagement[active]) + noise
    )
    pull = 1.0 / SATISFACTION_MEMORY_DAYS
    noise = rng.normal(0.0, SATISFACTION_SPREAD * np.sqrt(2.0 * pull), active.size)
    satisfaction = (1.0 - pull) * people.satisfaction[active] + noise
    people.satisfaction[active] = np.clip(satisfaction, -SATISFACTION_BOUND, SATISFACTION_BOUND)


def log_hazard(people: Population, day: Day, index: np.ndarray, *, drivers: Drivers) -> np.ndarray:
    """Log of the daily hazard of leaving without a contact, per customer in `index`."""
    newness = np.exp(-(day.number - people.signup_day[index]) / NEWNESS_DAYS)
    return (
        drivers.base
        + drivers.engagement * people.engagement[index]
        + drivers.satisfaction * people.satisfaction[index]
        + drivers.price * (people.price_sensitivity[index] - 0.5)
        + drivers.newness * newness
        + np.log(day.month_weight(LEAVING_SEASON))
    )


def hazard(log_hazards: np.ndarray) -> np.ndarray:
    """Probability of leaving on the day, at most HIGHEST_DAILY_HAZARD."""
    return np.minimum(np.exp(log_hazards), HIGHEST_DAILY_HAZARD)


def login_rate(people: Population, day: Day, index: np.ndarray, *, drivers: Drivers) -> np.ndarray:
    """Expected logins on the day, per customer in `index`."""
    base = 0.15 * drivers.login_factor * day.weekday_weight(LOGIN_WEEK)
    return base * np.exp(0.85 * people.engagement[index] + people.login_propensity[index])


def order_rate(people: Population, day: Day, index: np.ndarray) -> np.ndarray:
    """Expected orders on the day, per customer in `index`."""
    base = 0.030 * day.month_weight(ORDER_SEASON) * day.weekday_weight(ORDER_WEEK)
    return base * np.exp(0.60 * people.engagement[index] + people.order_propensity[index])


def ticket_rate(people: Population, index: np.ndarray) -> np.ndarray:
    """Expected support tickets on the day, per customer in `index`."""
    return 0.0045 * np.exp(-1.0 * people.satisfaction[index])


def return_probability(people: Population, index: np.ndarray) -> np.ndarray:
    """Probability that an order line is returned, per customer in `index`."""
    return np.minimum(0.05 * np.exp(-0.7 * people.satisfaction[index]), 0.5)
