"""What customers do besides buying: logins, feature use, community posts, support tickets."""

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import build_table, day_identifiers, decode
from retention_assets.simulation.calendar import Day, Purpose
from retention_assets.simulation.latent_state import Drivers, login_rate, ticket_rate
from retention_assets.simulation.population import Population

EVENT_TYPES = ("login", "feature_use", "community_post")
EVENTS_PER_LOGIN = (1.0, 0.6, 0.08)  # expected events of each type for one expected login
TYPICAL_LOG_SECONDS = np.array([5.5, 4.6, 5.0])
CATEGORIES = ("delivery", "billing", "product", "app")
CATEGORY_SHARES = (0.4, 0.2, 0.25, 0.15)
SEVERITIES = ("low", "medium", "high")
SATISFACTION_LOST = np.array([0.15, 0.45, 0.95])  # at most, by severity
RATED_SHARE = 0.6


def engage(people: Population, day: Day, active: np.ndarray, *, drivers: Drivers) -> pa.Table:
    """The day's `engagement_events`."""
    rng = day.stream(Purpose.ENGAGE)
    rate = login_rate(people, day, active, drivers=drivers)
    by_type = [np.repeat(active, rng.poisson(rate * events)) for events in EVENTS_PER_LOGIN]
    kind = np.repeat(np.arange(len(EVENT_TYPES)), [part.size for part in by_type])
    index = np.concatenate(by_type)
    log_seconds = TYPICAL_LOG_SECONDS[kind] + 0.25 * people.engagement[index]
    seconds = np.exp(log_seconds + rng.normal(0.0, 0.7, kind.size)) * drivers.login_factor
    return build_table(
        "engagement_events",
        {
            "event_id": day_identifiers("E", day.number, np.arange(kind.size)),
            "customer_id": people.ids.take(pa.array(index)),
            "event_ts": day.random_times(rng, kind.size),
            "event_type": decode(EVENT_TYPES, kind),
            "duration_s": np.round(seconds, 1),
        },
    )


def open_tickets(people: Population, day: Day, active: np.ndarray) -> pa.Table:
    """The day's `support_tickets`. Each lowers the customer's satisfaction, by severity."""
    rng = day.stream(Purpose.TICKET)
    index = np.repeat(active, rng.poisson(ticket_rate(people, active)))
    severity_score = rng.normal(0.0, 1.0, index.size) - 0.4 * people.satisfaction[index]
    severity = np.digitize(severity_score, [0.2, 1.2])
    lost = SATISFACTION_LOST[severity] * rng.uniform(0.3, 1.0, index.size)
    np.subtract.at(people.satisfaction, index, lost)
    noise = rng.normal(0.0, 0.9, index.size)
    rating = np.round(3.4 + people.satisfaction[index] - 0.5 * severity + noise)
    rating = np.clip(rating, 1, 5).astype(np.int32)
    is_rated = rng.random(index.size) < RATED_SHARE
    event_us = day.random_times(rng, index.size)
    category = rng.choice(len(CATEGORIES), index.size, p=CATEGORY_SHARES)
    return build_table(
        "support_tickets",
        {
            "ticket_id": day_identifiers("S", day.number, np.arange(index.size)),
            "customer_id": people.ids.take(pa.array(index)),
            "event_ts": event_us,
            "category": decode(CATEGORIES, category),
            "severity": decode(SEVERITIES, severity),
            "satisfaction": pa.array(rating, mask=~is_rated),
        },
    )
