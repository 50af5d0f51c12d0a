"""The latent state of a customer from day to day, and the rates that follow from it.

Behaviour is the only trace that latents leave in the rows: engagement drives logins and orders, dissatisfaction
drives tickets and returns, and both drive leaving, so a model can see a departure coming only through them.
A concept shift changes what drives leaving (heavy users and price-sensitive ones go) and halves the logins.
"""

from dataclasses import dataclass

import numpy as np

from retention_assets.simulation.calendar import (
    LEAVING_SEASON,
    LOGIN_WEEK,
    ORDER_SEASON,
    ORDER_WEEK,
    Calendar,
    Purpose,
)
from retention_assets.simulation.population import Population

ENGAGEMENT_MEMORY_DAYS = 230.0
ENGAGEMENT_SPREAD = 1.3
SATISFACTION_MEMORY_DAYS = 90.0
SATISFACTION_SPREAD = 0.55
# Tickets cost satisfaction and dissatisfaction brings tickets: without a bound some customers would never stop.
WORST_SATISFACTION = 2.5
HIGHEST_DAILY_HAZARD = 0.1


@dataclass(frozen=True)
class Drivers:
    """What moves the log of the daily hazard of leaving, and how often customers log in."""

    base: float
    engagement: float
    satisfaction: float
    price: float
    newness: float
    login_factor: float


USUAL = Drivers(
    base=-6.9, engagement=-2.7, satisfaction=-1.4, price=1.6, newness=0.3, login_factor=1.0
)
SHIFTED = Drivers(
    base=-7.2, engagement=1.1, satisfaction=0.2, price=2.2, newness=0.0, login_factor=0.5
)


def drift_moods(people: Population, calendar: Calendar, day: int, today: np.ndarray) -> None:
    """Engagement and satisfaction wander and return to where they are at home."""
    rng = calendar.stream(day, Purpose.MOOD)
    pull = 1.0 / ENGAGEMENT_MEMORY_DAYS
    noise = rng.normal(0.0, ENGAGEMENT_SPREAD * np.sqrt(2.0 * pull), today.size)
    people.engagement[today] += (
        pull * (people.engagement_home[today] - people.engagement[today]) + noise
    )
    pull = 1.0 / SATISFACTION_MEMORY_DAYS
    noise = rng.normal(0.0, SATISFACTION_SPREAD * np.sqrt(2.0 * pull), today.size)
    calmer = (1.0 - pull) * people.satisfaction[today] + noise
    people.satisfaction[today] = np.clip(calmer, -WORST_SATISFACTION, WORST_SATISFACTION)


def log_hazard(
    people: Population, calendar: Calendar, day: int, who: np.ndarray, drivers: Drivers
) -> np.ndarray:
    """Log of the daily hazard of leaving without any contact."""
    newness = np.exp(-(day - people.signup_day[who]) / 60.0)
    return (
        drivers.base
        + drivers.engagement * people.engagement[who]
        + drivers.satisfaction * people.satisfaction[who]
        + drivers.price * (people.price_sensitivity[who] - 0.5)
        + drivers.newness * newness
        + np.log(calendar.season(LEAVING_SEASON, day))
    )


def hazard(log_of_it: np.ndarray) -> np.ndarray:
    """Chance of leaving on the day."""
    return np.minimum(np.exp(log_of_it), HIGHEST_DAILY_HAZARD)


def login_rate(
    people: Population, calendar: Calendar, day: int, who: np.ndarray, drivers: Drivers
) -> np.ndarray:
    base = 0.15 * drivers.login_factor * calendar.weekly(LOGIN_WEEK, day)
    return base * np.exp(0.85 * people.engagement[who] + people.login_taste[who])


def order_rate(people: Population, calendar: Calendar, day: int, who: np.ndarray) -> np.ndarray:
    base = 0.030 * calendar.season(ORDER_SEASON, day) * calendar.weekly(ORDER_WEEK, day)
    return base * np.exp(0.60 * people.engagement[who] + people.order_taste[who])


def ticket_rate(people: Population, who: np.ndarray) -> np.ndarray:
    return 0.0045 * np.exp(-1.0 * people.satisfaction[who])


def return_chance(people: Population, who: np.ndarray) -> np.ndarray:
    return np.minimum(0.05 * np.exp(-0.7 * people.satisfaction[who]), 0.5)
