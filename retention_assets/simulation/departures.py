"""Departures: cancellations, and lapses of customers who become inactive and do not renew."""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import build_table, decode
from retention_assets.simulation.calendar import Day, Purpose
from retention_assets.simulation.latent_state import Drivers, hazard, log_hazard
from retention_assets.simulation.population import INACTIVE, LEFT, NEVER, Population

RENEWAL_DAYS = 30
LAPSE_SHARE = 0.35
CHURN_TYPES = ("canceled", "lapsed")
REASONS = ("price", "service", "no_use", "competitor")


def simulate_departures(
    people: Population, day: Day, active: np.ndarray, *, drivers: Drivers
) -> pa.Table:
    """The day's `churn_events`: cancellations, and lapses of customers who became inactive before.

    Updates the status of everybody who cancels, becomes inactive or lapses on this day.
    """
    rng = day.stream(Purpose.LEAVE)
    contact_works = people.contact_until[active] >= day.number
    contact_effect = np.where(contact_works, people.contact_effect[active], 0.0)
    log_hazards = log_hazard(people, day, active, drivers=drivers) + contact_effect
    leaving = active[rng.random(active.size) < hazard(log_hazards)]
    will_lapse = rng.random(leaving.size) < LAPSE_SHARE
    _become_inactive(people, day, leaving[will_lapse])
    lapsed = np.flatnonzero(people.lapse_day[: people.count] == day.number)
    canceled = leaving[~will_lapse]
    left = np.concatenate([canceled, lapsed])
    people.status[left] = LEFT
    people.lapse_day[lapsed] = NEVER
    has_lapsed = np.repeat([0, 1], [canceled.size, lapsed.size])
    return build_table(
        "churn_events",
        {
            "customer_id": people.ids.take(pa.array(left)),
            "event_ts": day.random_times(rng, left.size),
            "churn_type": decode(CHURN_TYPES, has_lapsed),
            "reason": decode(REASONS, _reason_codes(people, rng, left, has_lapsed=has_lapsed)),
        },
    )


def _become_inactive(people: Population, day: Day, index: np.ndarray) -> None:
    """They do nothing from today on; the lapse is recorded on the next renewal day."""
    people.status[index] = INACTIVE
    renewals = (day.number - people.signup_day[index]) // RENEWAL_DAYS
    people.lapse_day[index] = people.signup_day[index] + (renewals + 1) * RENEWAL_DAYS


def _reason_codes(
    people: Population, rng: np.random.Generator, index: np.ndarray, *, has_lapsed: np.ndarray
) -> np.ndarray:
    """Positions in REASONS: the strongest motive of a customer who cancels; -1 for a lapse."""
    motives = np.column_stack(
        [
            3.0 * (people.price_sensitivity[index] - 0.5),
            -people.satisfaction[index],
            -people.engagement[index],
            np.full(index.size, 0.3),
        ]
    )
    strongest = (motives + rng.normal(0.0, 0.6, motives.shape)).argmax(axis=1)
    return np.where(has_lapsed == 1, -1, strongest)
