"""The customers: when each signs up, the traits each is born with, and the state that days change.

`customers` of a simulation are those known within its first 365 days: a bit over half have signed up before the first
day, the rest joins over the year. Later years add as many again, so the rate never depends on how long we simulate.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_assets.simulation.calendar import DAY_US, SIGNUP_SEASON, Calendar, Purpose
from retention_assets.simulation.rows import chosen, day_times, labels, rows
from retention_assets.sources.contracts import CHANNELS, PLANS

EARLY_SHARE = 0.55
EARLY_TENURE_DAYS = 300.0
MOST_TENURE_DAYS = 1095
COUNTRIES = ("United Kingdom", "Germany", "France", "Spain", "Netherlands", "Ireland")
COUNTRY_SHARES = (0.45, 0.18, 0.14, 0.10, 0.08, 0.05)
CHANNEL_SHARES = (0.35, 0.25, 0.18, 0.14, 0.08)
ACTIVE, SILENT, GONE = 1, 2, 3
NEVER = np.iinfo(np.int32).max


def known_customers(customers: int, calendar: Calendar, day: int) -> int:
    """How many have signed up by the end of the day."""
    year = SIGNUP_SEASON[[calendar.date_of(i).month - 1 for i in range(365)]]
    years, rest = divmod(day + 1, 365)
    share = years + year[:rest].sum() / year.sum()
    return int(customers * EARLY_SHARE) + int(
        (customers - int(customers * EARLY_SHARE)) * share + 1e-6
    )


@dataclass
class Population:
    """Arrays by customer number. Latents are standardised: 0 is the average customer."""

    ids: pa.Array
    signup_day: np.ndarray
    status: np.ndarray
    price_sensitivity: np.ndarray  # 0..1, for life
    engagement_home: np.ndarray  # where engagement returns to
    engagement: np.ndarray
    satisfaction: np.ndarray
    login_taste: np.ndarray  # how often one logs in whatever the engagement
    order_taste: np.ndarray
    basket: np.ndarray  # log of a line's usual value
    plan: np.ndarray
    country: np.ndarray
    channel: np.ndarray
    birth_year: np.ndarray
    opt_in: np.ndarray
    contact_effect: np.ndarray  # change of log hazard while a contact works
    contact_until: np.ndarray
    card_stolen_until: np.ndarray
    ends_on: np.ndarray  # renewal day on which a silent customer's lapse is recorded
    count: int = 0

    @classmethod
    def empty(cls, size: int) -> "Population":
        def floats() -> np.ndarray:
            return np.zeros(size)

        def days(fill: int) -> np.ndarray:
            return np.full(size, fill, dtype=np.int32)

        return cls(
            ids=labels("C", np.arange(1, size + 1), 7),
            signup_day=days(NEVER),
            status=days(0),
            price_sensitivity=floats(),
            engagement_home=floats(),
            engagement=floats(),
            satisfaction=floats(),
            login_taste=floats(),
            order_taste=floats(),
            basket=floats(),
            plan=days(0),
            country=days(0),
            channel=days(0),
            birth_year=days(0),
            opt_in=np.zeros(size, dtype=bool),
            contact_effect=floats(),
            contact_until=days(-1),
            card_stolen_until=days(-1),
            ends_on=days(NEVER),
        )

    def active(self, day: int) -> np.ndarray:
        """Numbers of those who are customers today and joined before today."""
        return np.flatnonzero(
            (self.status[: self.count] == ACTIVE) & (self.signup_day[: self.count] < day)
        )


def join(people: Population, calendar: Calendar, customers: int, day: int) -> pa.Table:
    """Lets the day's new customers in (on day 0 also all earlier ones) and returns their `customers` rows."""
    rng = calendar.stream(day, Purpose.JOIN)
    first, last = people.count, known_customers(customers, calendar, day)
    who = np.arange(first, last)
    early = who < int(customers * EARLY_SHARE)
    tenure = np.minimum(rng.exponential(EARLY_TENURE_DAYS, who.size) + 1, MOST_TENURE_DAYS).astype(
        np.int32
    )
    people.signup_day[who] = np.where(early, -tenure, day)
    _endow(people, rng, who, early)
    people.status[who] = ACTIVE
    people.count = last
    signed_up = people.signup_day[who].astype(np.int64) * DAY_US + day_times(
        calendar.midnight_us(0), rng, who.size
    )
    return customer_rows(people, calendar, who, signed_up)


def _endow(
    people: Population, rng: np.random.Generator, who: np.ndarray, early: np.ndarray
) -> None:
    """Draws what a customer is born with. Price-sensitive ones take cheaper plans and come from paid channels."""
    size = who.size
    price = rng.beta(2.0, 2.0, size)
    people.price_sensitivity[who] = price
    people.engagement_home[who] = np.where(early, 0.25, 0.0) + rng.normal(0.0, 0.4, size)
    people.engagement[who] = people.engagement_home[who] + rng.normal(0.0, 1.1, size)
    people.satisfaction[who] = rng.normal(0.0, 0.6, size)
    people.login_taste[who] = rng.normal(0.0, 0.2, size)
    people.order_taste[who] = rng.normal(0.0, 0.4, size)
    people.basket[who] = 3.2 - 0.6 * (price - 0.5) + rng.normal(0.0, 0.35, size)
    people.plan[who] = np.digitize(price + rng.normal(0.0, 0.25, size), [0.30, 0.60])
    people.plan[who] = 2 - people.plan[who]
    people.country[who] = rng.choice(len(COUNTRIES), size, p=COUNTRY_SHARES)
    people.channel[who] = rng.choice(len(CHANNELS), size, p=CHANNEL_SHARES)
    people.birth_year[who] = np.clip(rng.normal(1983, 12, size), 1935, 2005).astype(np.int32)
    people.opt_in[who] = rng.random(size) < 0.7


def change_plans(people: Population, calendar: Calendar, day: int, today: np.ndarray) -> pa.Table:
    """About one customer in five changes plan in a year: the satisfied upwards, the price-sensitive downwards."""
    rng = calendar.stream(day, Purpose.PLAN)
    who = today[rng.random(today.size) < 0.0006]
    upwards = (
        people.satisfaction[who]
        - 2.0 * (people.price_sensitivity[who] - 0.5)
        + rng.normal(0.0, 0.7, who.size)
        > 0
    )
    changed = np.clip(people.plan[who] + np.where(upwards, 1, -1), 0, len(PLANS) - 1)
    moves = changed != people.plan[who]
    who, changed = who[moves], changed[moves]
    people.plan[who] = changed
    return customer_rows(people, calendar, who, day_times(calendar.midnight_us(day), rng, who.size))


def customer_rows(
    people: Population, calendar: Calendar, who: np.ndarray, event_us: np.ndarray
) -> pa.Table:
    return rows(
        "customers",
        {
            "customer_id": people.ids.take(pa.array(who)),
            "event_ts": event_us,
            "plan": chosen(PLANS, people.plan[who]),
            "country": chosen(COUNTRIES, people.country[who]),
            "acquisition_channel": chosen(CHANNELS, people.channel[who]),
            "birth_year": people.birth_year[who],
            "email_opt_in": people.opt_in[who],
        },
    )
