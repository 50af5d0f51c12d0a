"""Retention contacts, once a week: a pilot in which chance decides, and a rule that mails the less engaged.

A contact changes the hazard of leaving for 60 days. It helps price-sensitive customers, and drives away those who are
dissatisfied or would rather not be reminded: about a quarter of the effects are harmful.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import Calendar, Purpose
from retention_assets.simulation.population import Population
from retention_assets.simulation.rows import chosen, day_labels, day_times, rows

CAMPAIGNS = ("pilot", "low_engagement")
CHANNELS = ("mail", "phone", "app")
COSTS = np.array([0.5, 8.0, 0.1])
EFFECT_DAYS = 60
PILOT_SHARE = 0.02
RULE_SHARE = 0.01
CONTACT_WEEKDAY = 2


@dataclass(frozen=True)
class Contacts:
    """The day's rows, and per row the true change of log hazard that a contact makes for this customer."""

    table: pa.Table
    effect: np.ndarray


def effect_of_contact(people: Population, who: np.ndarray) -> np.ndarray:
    """Change of log hazard: negative keeps the customer, positive drives her away."""
    unhappy = np.clip(-people.satisfaction[who], 0.0, 2.0)
    return 0.75 - 2.4 * people.price_sensitivity[who] + 0.35 * unhappy


def contact(people: Population, calendar: Calendar, day: int, today: np.ndarray) -> Contacts:
    """The day's `campaign_contacts`: none but on one day a week."""
    rng = calendar.stream(day, Purpose.CAMPAIGN)
    weekly = calendar.date_of(day).weekday() == CONTACT_WEEKDAY
    reachable = (
        today[people.opt_in[today] & (people.contact_until[today] < day)] if weekly else today[:0]
    )
    pilot = reachable[rng.random(reachable.size) < PILOT_SHARE]
    quiet = people.engagement[reachable] + rng.normal(0.0, 0.7, reachable.size) < -1.0
    by_rule = np.setdiff1d(
        reachable[quiet & (rng.random(reachable.size) < RULE_SHARE / 0.2)], pilot
    )
    who = np.concatenate([pilot, by_rule])
    randomized = np.repeat([True, False], [pilot.size, by_rule.size])
    treated = ~randomized | (rng.random(who.size) < 0.5)
    effect = effect_of_contact(people, who)
    people.contact_effect[who[treated]] = effect[treated]
    people.contact_until[who[treated]] = day + EFFECT_DAYS
    return Contacts(_rows(people, calendar, day, who, randomized, treated, rng), effect)


def _rows(
    people: Population,
    calendar: Calendar,
    day: int,
    who: np.ndarray,
    randomized: np.ndarray,
    treated: np.ndarray,
    rng: np.random.Generator,
) -> pa.Table:
    channel = rng.choice(len(CHANNELS), who.size, p=(0.6, 0.15, 0.25))
    return rows(
        "campaign_contacts",
        {
            "contact_id": day_labels("X", day, np.arange(who.size)),
            "customer_id": people.ids.take(pa.array(who)),
            "event_ts": day_times(calendar.midnight_us(day), rng, who.size),
            "campaign": chosen(CAMPAIGNS, np.where(randomized, 0, 1)),
            "channel": chosen(CHANNELS, channel),
            "treated": treated,
            "randomized": randomized,
            "cost": np.where(treated, COSTS[channel], 0.0),
        },
    )
