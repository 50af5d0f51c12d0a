"""Days, seasons and random streams of the simulated world.

A day is an integer, 0 on the first simulated date. Every day draws from streams of its own, so that a longer
simulation repeats the days of a shorter one exactly. No rows here.
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
# Monday first.
ORDER_WEEK = np.array([0.95, 0.90, 0.90, 0.95, 1.05, 1.20, 1.05])
LOGIN_WEEK = np.array([1.05, 1.05, 1.05, 1.05, 1.00, 0.90, 0.90])


class Purpose(IntEnum):
    """What a stream is for; another purpose never shifts its draws."""

    JOIN = 0
    MOOD = 1
    LEAVE = 2
    ENGAGE = 3
    ORDER = 4
    TICKET = 5
    CAMPAIGN = 6
    FRAUD = 7
    ARRIVE = 8
    DIRT = 9
    PLAN = 10
    RETURN = 11
    REPORT = 12


@dataclass(frozen=True)
class Calendar:
    """Where a simulation lies in time, and the seed of all its streams."""

    start: date
    seed: int

    def date_of(self, day: int) -> date:
        return self.start + timedelta(days=day)

    def day_of(self, when: date) -> int:
        return (when - self.start).days

    def midnight_us(self, day: int) -> int:
        """Microseconds since 1970 at the start of the day."""
        return ((self.start - EPOCH).days + day) * DAY_US

    def stream(self, day: int, purpose: Purpose) -> np.random.Generator:
        return np.random.default_rng(
            np.random.SeedSequence(self.seed, spawn_key=(day, int(purpose)))
        )

    def season(self, months: np.ndarray, day: int) -> float:
        return float(months[self.date_of(day).month - 1])

    def weekly(self, weekdays: np.ndarray, day: int) -> float:
        return float(weekdays[self.date_of(day).weekday()])
