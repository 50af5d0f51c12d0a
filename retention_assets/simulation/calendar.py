"""Days, seasons and random streams of a simulation. No customers and no tables here.

Every day draws from its own streams, so a longer simulation repeats the days of a shorter one
exactly.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

import numpy as np

EPOCH = date(1970, 1, 1)
DAY_US = 86_400_000_000
# Relative weight of each month, January first.
SIGNUP_SEASON = np.array([1.30, 1.05, 1.00, 0.95, 0.90, 0.85, 0.80, 0.85, 1.15, 1.05, 1.10, 1.00])
ORDER_SEASON = np.array([0.85, 0.85, 0.95, 0.95, 1.00, 0.95, 0.90, 0.90, 1.00, 1.05, 1.30, 1.45])
LEAVING_SEASON = np.array([1.20, 1.05, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 0.95, 0.90, 0.90])
# Relative weight of each weekday, Monday first.
ORDER_WEEK = np.array([0.95, 0.90, 0.90, 0.95, 1.05, 1.20, 1.05])
LOGIN_WEEK = np.array([1.05, 1.05, 1.05, 1.05, 1.00, 0.90, 0.90])
# No event in the last two minutes of a day: its arrival, up to 90 s later, stays on the same day.
LAST_EVENT_S = 86_280.0


class Purpose(IntEnum):
    """What a random stream is used for. A new purpose never shifts the draws of the others."""

    JOIN = 0
    LATENT_STATE = 1
    LEAVE = 2
    ENGAGE = 3
    ORDER = 4
    TICKET = 5
    CAMPAIGN = 6
    FRAUD = 7
    ARRIVE = 8
    CORRUPT = 9
    PLAN = 10
    RETURN = 11
    REPORT = 12


@dataclass(frozen=True)
class Day:
    """One simulated day: its number (0 is the first), its date, and the seed of its streams."""

    number: int
    date: date
    seed: int

    @property
    def midnight_us(self) -> int:
        """Microseconds since 1970 at the start of the day."""
        return (self.date - EPOCH).days * DAY_US

    def stream(self, purpose: Purpose, *subkeys: int) -> np.random.Generator:
        """The random generator of this day and purpose, always in its initial state."""
        key = (self.number, int(purpose), *subkeys)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def month_weight(self, weights: np.ndarray) -> float:
        return float(weights[self.date.month - 1])

    def weekday_weight(self, weights: np.ndarray) -> float:
        return float(weights[self.date.weekday()])

    def random_times(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Moments of the day in microseconds since 1970, most of them in waking hours."""
        hours = rng.triangular(0.0, 15.0, 24.0, size)
        seconds = np.minimum(hours * 3600.0, LAST_EVENT_S).astype(np.int64)
        return self.midnight_us + seconds * 1_000_000


@dataclass(frozen=True)
class Calendar:
    """The first date of a simulation and the seed of all its streams."""

    start: date
    seed: int

    def day(self, number: int) -> Day:
        return Day(number, self.start + timedelta(days=number), self.seed)

    def day_number(self, when: date) -> int:
        return (when - self.start).days
