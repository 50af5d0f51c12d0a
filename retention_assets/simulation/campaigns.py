"""Weekly retention contacts: a randomized pilot, and a rule on low engagement, which contacts one
in twenty of those whom it names. Both log whom they leave out, and the propensity.

A contact changes the hazard of leaving for 60 days. It helps price-sensitive customers and harms
others: it reminds dissatisfied ones to cancel. About a quarter of the effects are harmful.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import build_table, day_identifiers, decode
from retention_assets.simulation.calendar import Day, Purpose
from retention_assets.simulation.population import Population

CAMPAIGNS = ("pilot", "low_engagement")
CHANNELS = ("mail", "phone", "app")
CHANNEL_SHARES = (0.6, 0.15, 0.25)
COSTS = np.array([0.5, 8.0, 0.1])
EFFECT_DAYS = 60
PILOT_SHARE = 0.02
TREATED_SHARE = 0.5
RULE_SHARE = 0.01
LOW_ENGAGEMENT_SHARE = 0.2  # about this share of customers falls under the rule
RULE_PROPENSITY = round(RULE_SHARE / LOW_ENGAGEMENT_SHARE, 12)
CONTACT_WEEKDAY = 2


@dataclass(frozen=True)
class Contacts:
    """The day's `campaign_contacts`, and per row the true change of log hazard by a contact."""

    table: pa.Table
    effect: np.ndarray


def contact_effect(people: Population, index: np.ndarray) -> np.ndarray:
    """Change of log hazard: negative keeps the customer, positive makes leaving more likely."""
    dissatisfaction = np.clip(-people.satisfaction[index], 0.0, 2.0)
    return 0.75 - 2.4 * people.price_sensitivity[index] + 0.35 * dissatisfaction


def contact_customers(people: Population, day: Day, active: np.ndarray) -> Contacts:
    """The day's contacts; there are some on one weekday only. Sets their effect in `people`."""
    rng = day.stream(Purpose.CAMPAIGN)
    reachable = active[people.opt_in[active] & (people.contact_until[active] < day.number)]
    if day.date.weekday() != CONTACT_WEEKDAY:
        reachable = active[:0]
    pilot = reachable[rng.random(reachable.size) < PILOT_SHARE]
    low_engagement = people.engagement[reachable] + rng.normal(0.0, 0.7, reachable.size) < -1.0
    selected = rng.random(reachable.size) < RULE_PROPENSITY
    by_rule = np.setdiff1d(reachable[low_engagement & selected], pilot)
    left_out = np.setdiff1d(reachable[low_engagement & ~selected], pilot)
    index = np.concatenate([pilot, by_rule])
    randomized = np.repeat([True, False], [pilot.size, by_rule.size])
    treated = ~randomized | (rng.random(index.size) < TREATED_SHARE)
    effect = contact_effect(people, index)
    people.contact_effect[index[treated]] = effect[treated]
    people.contact_until[index[treated]] = day.number + EFFECT_DAYS
    channel = rng.choice(len(CHANNELS), index.size, p=CHANNEL_SHARES)
    times = day.random_times(rng, index.size)
    # Drawn last, so that they change no other draw of the day.
    times = np.concatenate([times, day.random_times(rng, left_out.size)])
    cost = np.where(treated, COSTS[channel], 0.0)

    def with_left_out(values: np.ndarray, value: float | bool) -> np.ndarray:
        """Values of contacts and controls, then one for each customer whom the rule left out."""
        return np.concatenate([values, np.full(left_out.size, value, values.dtype)])

    index = np.concatenate([index, left_out])
    randomized = with_left_out(randomized, False)
    table = build_table(
        "campaign_contacts",
        {
            "contact_id": day_identifiers("X", day.number, np.arange(index.size)),
            "customer_id": people.ids.take(pa.array(index)),
            "event_ts": times,
            "campaign": decode(CAMPAIGNS, np.where(randomized, 0, 1)),
            "channel": decode(CHANNELS, with_left_out(channel, -1)),
            "treated": with_left_out(treated, False),
            "randomized": randomized,
            "propensity": np.where(randomized, TREATED_SHARE, RULE_PROPENSITY),
            "cost": with_left_out(cost, 0.0),
        },
    )
    return Contacts(table, contact_effect(people, index))
