"""The customers: sign-ups, the traits drawn at sign-up, and the state that changes daily.

`customers` of a simulation are those known within its first 365 days: a bit over half of them have
signed up before the first day. Every later year adds as many as the first one.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from retention_assets.simulation.arrow_tables import build_table, decode, identifiers
from retention_assets.simulation.calendar import DAY_US, SIGNUP_SEASON, Calendar, Day, Purpose
from retention_assets.sources.contracts import ACQUISITION_CHANNELS, PLANS

EARLY_SHARE = 0.55
EARLY_TENURE_DAYS = 300.0
LONGEST_TENURE_DAYS = 1095
COUNTRIES = ("United Kingdom", "Germany", "France", "Spain", "Netherlands", "Ireland")
COUNTRY_SHARES = (0.45, 0.18, 0.14, 0.10, 0.08, 0.05)
CHANNEL_SHARES = (0.35, 0.25, 0.18, 0.14, 0.08)
OPT_IN_SHARE = 0.7
DAILY_PLAN_CHANGES = 0.0006  # per customer: about one in five a year
# Status. An inactive customer does nothing any more, but the lapse is not recorded yet.
ACTIVE = 1
INACTIVE = 2
LEFT = 3
NEVER = np.iinfo(np.int32).max


def known_customers(customers: int, calendar: Calendar, day_number: int) -> int:
    """How many have signed up by the end of the day."""
    first_year = SIGNUP_SEASON[[calendar.day(number).date.month - 1 for number in range(365)]]
    years, rest = divmod(day_number + 1, 365)
    share = years + first_year[:rest].sum() / first_year.sum()
    early = int(customers * EARLY_SHARE)
    return early + int((customers - early) * share + 1e-6)


@dataclass
class Population:
    """Arrays with one entry per customer. Latent values are standardized: 0 is the average."""

    ids: pa.Array
    signup_day: np.ndarray
    status: np.ndarray
    price_sensitivity: np.ndarray  # 0 to 1, constant
    mean_engagement: np.ndarray  # what engagement reverts to
    engagement: np.ndarray
    satisfaction: np.ndarray
    login_propensity: np.ndarray  # log of a factor on logins, independent of engagement
    order_propensity: np.ndarray  # the same for orders
    log_line_value: np.ndarray  # log of the usual value of an order line
    plan: np.ndarray
    country: np.ndarray
    channel: np.ndarray
    birth_year: np.ndarray
    opt_in: np.ndarray
    contact_effect: np.ndarray  # change of log hazard through the last contact
    contact_until: np.ndarray  # last day of that effect
    card_stolen_until: np.ndarray
    lapse_day: np.ndarray  # renewal day on which an inactive customer's lapse is recorded
    count: int = 0

    @classmethod
    def empty(cls, size: int) -> "Population":
        """Room for `size` customers, none of whom has signed up."""

        def floats() -> np.ndarray:
            return np.zeros(size)

        def integers(fill: int) -> np.ndarray:
            return np.full(size, fill, dtype=np.int32)

        return cls(
            ids=identifiers("C", np.arange(1, size + 1), 7),
            signup_day=integers(NEVER),
            status=integers(0),
            price_sensitivity=floats(),
            mean_engagement=floats(),
            engagement=floats(),
            satisfaction=floats(),
            login_propensity=floats(),
            order_propensity=floats(),
            log_line_value=floats(),
            plan=integers(0),
            country=integers(0),
            channel=integers(0),
            birth_year=integers(0),
            opt_in=np.zeros(size, dtype=bool),
            contact_effect=floats(),
            contact_until=integers(-1),
            card_stolen_until=integers(-1),
            lapse_day=integers(NEVER),
        )

    def active(self, day: Day) -> np.ndarray:
        """Indexes of the customers who are active on the day and signed up before it."""
        is_active = self.status[: self.count] == ACTIVE
        return np.flatnonzero(is_active & (self.signup_day[: self.count] < day.number))


def sign_up(people: Population, calendar: Calendar, day: Day, *, customers: int) -> pa.Table:
    """Adds the day's new customers and returns their `customers` rows.

    Day 0 also adds everybody who signed up before the simulation begins.
    """
    rng = day.stream(Purpose.JOIN)
    index = np.arange(people.count, known_customers(customers, calendar, day.number))
    is_early = index < int(customers * EARLY_SHARE)
    tenure = rng.exponential(EARLY_TENURE_DAYS, index.size) + 1
    tenure = np.minimum(tenure, LONGEST_TENURE_DAYS).astype(np.int32)
    people.signup_day[index] = np.where(is_early, -tenure, day.number)
    _draw_traits(people, rng, index, is_early=is_early)
    people.status[index] = ACTIVE
    people.count += index.size
    signup_us = people.signup_day[index].astype(np.int64) * DAY_US
    times_us = calendar.day(0).random_times(rng, index.size)
    return customer_rows(people, index, signup_us + times_us)


def _draw_traits(
    people: Population, rng: np.random.Generator, index: np.ndarray, *, is_early: np.ndarray
) -> None:
    """Price-sensitive customers take cheaper plans and have smaller orders."""
    size = index.size
    price = rng.beta(2.0, 2.0, size)
    people.price_sensitivity[index] = price
    people.mean_engagement[index] = np.where(is_early, 0.25, 0.0) + rng.normal(0.0, 0.4, size)
    people.engagement[index] = people.mean_engagement[index] + rng.normal(0.0, 1.1, size)
    people.satisfaction[index] = rng.normal(0.0, 0.6, size)
    people.login_propensity[index] = rng.normal(0.0, 0.2, size)
    people.order_propensity[index] = rng.normal(0.0, 0.4, size)
    people.log_line_value[index] = 3.2 - 0.6 * (price - 0.5) + rng.normal(0.0, 0.35, size)
    people.plan[index] = 2 - np.digitize(price + rng.normal(0.0, 0.25, size), [0.30, 0.60])
    people.country[index] = rng.choice(len(COUNTRIES), size, p=COUNTRY_SHARES)
    people.channel[index] = rng.choice(len(ACQUISITION_CHANNELS), size, p=CHANNEL_SHARES)
    people.birth_year[index] = np.clip(rng.normal(1983, 12, size), 1935, 2005).astype(np.int32)
    people.opt_in[index] = rng.random(size) < OPT_IN_SHARE


def change_plans(people: Population, day: Day, active: np.ndarray) -> pa.Table:
    """Moves satisfied customers to a higher plan and price-sensitive ones to a lower plan.

    Returns the `customers` rows of everybody whose plan changed.
    """
    rng = day.stream(Purpose.PLAN)
    index = active[rng.random(active.size) < DAILY_PLAN_CHANGES]
    price = 2.0 * (people.price_sensitivity[index] - 0.5)
    upgrades = people.satisfaction[index] - price + rng.normal(0.0, 0.7, index.size) > 0
    plan = np.clip(people.plan[index] + np.where(upgrades, 1, -1), 0, len(PLANS) - 1)
    has_changed = plan != people.plan[index]
    index = index[has_changed]
    people.plan[index] = plan[has_changed]
    return customer_rows(people, index, day.random_times(rng, index.size))


def customer_rows(people: Population, index: np.ndarray, event_us: np.ndarray) -> pa.Table:
    """The present attributes of the customers in `index`, as `customers`."""
    return build_table(
        "customers",
        {
            "customer_id": people.ids.take(pa.array(index)),
            "event_ts": event_us,
            "plan": decode(PLANS, people.plan[index]),
            "country": decode(COUNTRIES, people.country[index]),
            "acquisition_channel": decode(ACQUISITION_CHANNELS, people.channel[index]),
            "birth_year": people.birth_year[index],
            "email_opt_in": people.opt_in[index],
        },
    )
