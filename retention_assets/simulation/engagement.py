"""What customers do without paying on a day: logins, feature use, community posts, and tickets to support."""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import Calendar, Purpose
from retention_assets.simulation.latent_state import Drivers, login_rate, ticket_rate
from retention_assets.simulation.population import Population
from retention_assets.simulation.rows import chosen, day_labels, day_times, rows

EVENT_TYPES = ("login", "feature_use", "community_post")
PER_LOGIN = (1.0, 0.6, 0.08)  # expected events of each type for one expected login
TYPICAL_LOG_SECONDS = np.array([5.5, 4.6, 5.0])
CATEGORIES = ("delivery", "billing", "product", "app")
SEVERITIES = ("low", "medium", "high")
SATISFACTION_LOST = np.array([0.15, 0.45, 0.95])


def engage(
    people: Population, calendar: Calendar, day: int, today: np.ndarray, drivers: Drivers
) -> pa.Table:
    """The day's `engagement_events`."""
    rng = calendar.stream(day, Purpose.ENGAGE)
    rate = login_rate(people, calendar, day, today, drivers)
    who = [np.repeat(today, rng.poisson(rate * times)) for times in PER_LOGIN]
    kind = np.repeat(np.arange(len(EVENT_TYPES)), [part.size for part in who])
    people_of_events = np.concatenate(who)
    size = kind.size
    mood = 0.25 * people.engagement[people_of_events]
    seconds = (
        np.exp(TYPICAL_LOG_SECONDS[kind] + mood + rng.normal(0.0, 0.7, size)) * drivers.login_factor
    )
    return rows(
        "engagement_events",
        {
            "event_id": day_labels("E", day, np.arange(size)),
            "customer_id": people.ids.take(pa.array(people_of_events)),
            "event_ts": day_times(calendar.midnight_us(day), rng, size),
            "event_type": chosen(EVENT_TYPES, kind),
            "duration_s": np.round(seconds, 1),
        },
    )


def open_tickets(people: Population, calendar: Calendar, day: int, today: np.ndarray) -> pa.Table:
    """The day's `support_tickets`; each costs satisfaction, the severe ones most."""
    rng = calendar.stream(day, Purpose.TICKET)
    who = np.repeat(today, rng.poisson(ticket_rate(people, today)))
    pain = rng.normal(0.0, 1.0, who.size) - 0.4 * people.satisfaction[who]
    severity = np.digitize(pain, [0.2, 1.2])
    np.subtract.at(
        people.satisfaction, who, SATISFACTION_LOST[severity] * rng.uniform(0.3, 1.0, who.size)
    )
    grade = np.clip(
        np.round(3.4 + people.satisfaction[who] - 0.5 * severity + rng.normal(0.0, 0.9, who.size)),
        1,
        5,
    )
    graded = rng.random(who.size) < 0.6
    return rows(
        "support_tickets",
        {
            "ticket_id": day_labels("S", day, np.arange(who.size)),
            "customer_id": people.ids.take(pa.array(who)),
            "event_ts": day_times(calendar.midnight_us(day), rng, who.size),
            "category": chosen(
                CATEGORIES, rng.choice(len(CATEGORIES), who.size, p=(0.4, 0.2, 0.25, 0.15))
            ),
            "severity": chosen(SEVERITIES, severity),
            "satisfaction": pa.array(grade.astype(np.int32), mask=~graded),
        },
    )
