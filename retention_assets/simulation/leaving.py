"""Departures: cancellations at once, silent lapses that show only when the subscription is not renewed."""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import Calendar, Purpose
from retention_assets.simulation.latent_state import Drivers, hazard, log_hazard
from retention_assets.simulation.population import GONE, NEVER, SILENT, Population
from retention_assets.simulation.rows import chosen, day_times, rows

RENEWAL_DAYS = 30
SILENT_SHARE = 0.35
CHURN_TYPES = ("canceled", "lapsed")
REASONS = ("price", "service", "no_use", "competitor")


def leave(
    people: Population, calendar: Calendar, day: int, today: np.ndarray, drivers: Drivers
) -> pa.Table:
    """Lets customers go and returns the day's `churn_events`: cancellations, and lapses of those long silent."""
    rng = calendar.stream(day, Purpose.LEAVE)
    working = np.where(people.contact_until[today] >= day, people.contact_effect[today], 0.0)
    leaves = rng.random(today.size) < hazard(
        log_hazard(people, calendar, day, today, drivers) + working
    )
    who = today[leaves]
    silent = rng.random(who.size) < SILENT_SHARE
    _fall_silent(people, day, who[silent])
    lapsed = np.flatnonzero(people.ends_on[: people.count] == day)
    canceled = who[~silent]
    gone = np.concatenate([canceled, lapsed])
    people.status[gone] = GONE
    people.ends_on[lapsed] = NEVER
    kind = np.repeat([0, 1], [canceled.size, lapsed.size])
    return rows(
        "churn_events",
        {
            "customer_id": people.ids.take(pa.array(gone)),
            "event_ts": day_times(calendar.midnight_us(day), rng, gone.size),
            "churn_type": chosen(CHURN_TYPES, kind),
            "reason": chosen(REASONS, _reasons(people, rng, gone, kind)),
        },
    )


def _fall_silent(people: Population, day: int, who: np.ndarray) -> None:
    """From today they do nothing; the lapse is recorded on the next renewal day."""
    people.status[who] = SILENT
    since = day - people.signup_day[who]
    people.ends_on[who] = people.signup_day[who] + (since // RENEWAL_DAYS + 1) * RENEWAL_DAYS


def _reasons(
    people: Population, rng: np.random.Generator, who: np.ndarray, kind: np.ndarray
) -> np.ndarray:
    """What those who cancel say: the strongest of their motives, or a competitor. Who lapses says nothing."""
    motives = np.column_stack(
        [
            3.0 * (people.price_sensitivity[who] - 0.5),
            -people.satisfaction[who],
            -people.engagement[who],
            np.full(who.size, 0.3),
        ]
    )
    said = (motives + rng.normal(0.0, 0.6, motives.shape)).argmax(axis=1)
    return np.where(kind == 1, -1, said)
