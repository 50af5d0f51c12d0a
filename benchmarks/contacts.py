"""What contacts do to the probability of leaving, beside the simulator's truth without contacts.

Models that ignore contacts, leave out who was contacted, weigh by the logged decisions
(training/contact_weights.py), or weigh by a rate of contacts that is estimated from the features,
as if nothing was logged. The truth of a day is the mean of each customer's hazards in a copy of the
world in which, from that day on, nobody is contacted and nobody leaves. Customers are scored on the
days of the training by a model of other customers, so that no season comes in between. Features are
counts, made here without Spark. Usage: `python benchmarks/contacts.py [SEEDS]`.
"""

import copy
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from report import publish

from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.candidates.rows import Preprocess
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.pipeline import fit_model
from retention_assets.modeling.splits import hash_share
from retention_assets.simulation import campaigns, simulator
from retention_assets.simulation.arrow_tables import build_table
from retention_assets.simulation.calendar import DAY_US, Calendar, Day
from retention_assets.simulation.campaigns import Contacts, contact_customers
from retention_assets.simulation.departures import LAPSE_SHARE, RENEWAL_DAYS
from retention_assets.simulation.latent_state import Drivers, hazard, log_hazard
from retention_assets.simulation.population import INACTIVE, Population
from retention_assets.simulation.simulator import FIRST_DATE, World
from retention_assets.training.contact_weights import MAX_WEIGHT

CUSTOMERS = 20_000
SEEDS = 3
WINDOW = 97  # days: gap and horizon of the embedded source
TRAIN_DAYS = range(182, 253, 7)
TEST_DAYS = (224, 252)
DAYS = TRAIN_DAYS[-1] + WINDOW + 6  # late rows arrive within six days
NEVER = 10**6
NO_TIMES = np.zeros(0, np.int64)
# Share of customers that the pilot draws a week; share that the rule contacts, of those it names.
CAMPAIGNS = {
    "as simulated": (campaigns.PILOT_SHARE, campaigns.RULE_PROPENSITY),
    "four times as many": (4 * campaigns.PILOT_SHARE, 4 * campaigns.RULE_PROPENSITY),
}
# Name -> table, and the column with the value that is counted.
COUNTS: Mapping[str, tuple[str, str | None, Any]] = {
    "logins": ("engagement_events", "event_type", "login"),
    "uses": ("engagement_events", "event_type", "feature_use"),
    "orders": ("transactions", "kind", "sale"),
    "returns": ("transactions", "kind", "return"),
    "tickets": ("support_tickets", None, None),
    "severe": ("support_tickets", "severity", "high"),
    "contacts": ("campaign_contacts", "treated", True),
}
WINDOWS: Mapping[str, tuple[int, ...]] = {
    "logins": (7, 14, 30, 90),
    "uses": (30,),
    "orders": (30, 90, 180),
    "returns": (180,),
    "tickets": (30, 90, 180),
    "severe": (90,),
    "contacts": (30, 60, 90),
}
METHODS = ("ignored", "left out", "estimated", "weighted")


def who_and_when(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """Index of the customer and number of the day, of each row."""
    who = (
        pc.call_function("utf8_slice_codeunits", [table["customer_id"]], pc.SliceOptions(start=1))
        .cast(pa.int64())
        .to_numpy()
        - 1
    )
    start = np.datetime64(FIRST_DATE, "us").astype(np.int64)
    return who, (table["event_ts"].cast(pa.int64()).to_numpy() - start) // DAY_US


class Shop:
    """A simulation and what its source tells: counts by day, departures, decisions on contacts."""

    def __init__(self, seed: int) -> None:
        self.calendar = Calendar(FIRST_DATE, seed)
        self.world = World(self.calendar, CUSTOMERS, DAYS, shift_on=None)
        size = len(self.world.people.signup_day)
        self.counts = {name: np.zeros((DAYS, size), np.float32) for name in COUNTS}
        self.left_on = np.full(size, NEVER)
        self.plans: dict[int, np.ndarray] = {}
        self.copies: dict[int, World] = {}
        self.decisions: list[np.ndarray] = []  # customer, day, treated, propensity

    def simulate(self) -> None:
        for number in range(DAYS):
            if number % 7 == 0:
                self.plans[number] = self.world.people.plan.copy()
            if number in TEST_DAYS:
                self.copies[number] = copy.deepcopy(self.world)
            tables, _ = self.world.simulate_day(self.calendar.day(number))
            self._take_in(tables)

    def _take_in(self, tables: Mapping[str, pa.Table]) -> None:
        for name, (table, column, value) in COUNTS.items():
            rows = tables[table]
            if column:
                rows = rows.filter(pc.call_function("equal", [rows[column], pa.scalar(value)]))
            who, when = who_and_when(rows)
            np.add.at(self.counts[name], (when, who), 1)
        who, when = who_and_when(tables["churn_events"])
        self.left_on[who] = when
        contacts = tables["campaign_contacts"]
        who, when = who_and_when(contacts)
        arms = [contacts[name].to_numpy() for name in ("treated", "propensity")]
        self.decisions.append(np.column_stack([who, when, *arms]).astype(np.float64))

    def customers(self, t: int) -> np.ndarray:
        """Who is a customer as of day t, as far as the source tells."""
        return np.flatnonzero((self.world.people.signup_day < t) & (self.left_on >= t))

    def features(self, t: int) -> tuple[tuple[str, ...], Floats]:
        people = self.world.people
        who = self.customers(t)
        columns = {
            "tenure": t - people.signup_day[who],
            "opt_in": people.opt_in[who],
            "plan": self.plans[t][who],
            "channel": people.channel[who],
        }
        for name, windows in WINDOWS.items():
            for days in windows:
                columns[f"{name}_{days}"] = self.counts[name][t - days : t, who].sum(0)
        return tuple(columns), np.column_stack([*columns.values()]).astype(np.float64)

    def examples(self, days: Sequence[int]) -> tuple[Examples, Floats, Floats]:
        """The customers of these days, weighted by the logged decisions; days until the first
        contact, the outcome or the end of the window, and whether a contact came first.
        """
        parts = [self._examples(t) for t in days]
        names, _ = self.features(days[0])
        who, t, X, y, w, followed, acted = map(np.concatenate, zip(*parts, strict=True))
        as_of = np.datetime64(FIRST_DATE) + t
        y = y.astype(np.int8)
        return Examples(names, who.astype(str), as_of, X, y, weights=w), followed, acted

    def _examples(self, t: int) -> tuple[np.ndarray, ...]:
        who = self.customers(t)
        end = t + WINDOW
        left_out = np.ones(len(self.left_on))
        contacted_on = np.full(len(self.left_on), NEVER)
        decisions = np.concatenate(self.decisions)
        customer, day, treated, propensity = decisions[
            (decisions[:, 1] >= t) & (decisions[:, 1] < end)
        ].T
        customer = customer.astype(int)
        counts = day <= self.left_on[customer]
        chance = np.where(treated > 0, 0.0, 1 - propensity)
        np.multiply.at(left_out, customer[counts], chance[counts])
        is_contact = counts & (treated > 0)
        np.minimum.at(contacted_on, customer[is_contact], day[is_contact].astype(int))
        acted = left_out[who] == 0
        weight = np.where(acted, 0.0, 1 / np.maximum(left_out[who], 1 / MAX_WEIGHT))
        until = np.minimum(contacted_on, np.minimum(self.left_on + 1, end))[who]
        y = self.left_on[who] < end
        _, X = self.features(t)
        return who, np.full(len(who), t), X, y, weight, until - t, acted

    def truth(self, t: int) -> Floats:
        """True probability that each customer's departure is recorded in the window after day t if
        nobody is contacted.
        """
        world = self.copies[t]
        start = world.people
        end = t + WINDOW
        leaves = ((start.status == INACTIVE) & (start.lapse_day < end)).astype(np.float64)
        stays = np.ones(len(leaves))

        def depart(
            people: Population, day: Day, active: np.ndarray, *, drivers: Drivers
        ) -> pa.Table:
            works = people.contact_until[active] >= day.number
            effect = np.where(works, people.contact_effect[active], 0.0)
            h = hazard(log_hazard(people, day, active, drivers=drivers) + effect)
            since = people.signup_day[active]
            renewal = since + ((day.number - since) // RENEWAL_DAYS + 1) * RENEWAL_DAYS
            recorded = 1 - LAPSE_SHARE + LAPSE_SHARE * (renewal < end)
            leaves[active] += stays[active] * h * recorded
            stays[active] *= 1 - h
            nobody = people.ids.take(pa.array(active[:0]))
            return build_table("churn_events", {"customer_id": nobody, "event_ts": NO_TIMES})

        def contact_nobody(people: Population, day: Day, active: np.ndarray) -> Contacts:
            return contact_customers(people, day, active[:0])

        with ExitStack() as patches:
            for name, function in (
                ("simulate_departures", depart),
                ("contact_customers", contact_nobody),
            ):
                patches.enter_context(patch.object(simulator, name, function))
            for number in range(t, end):
                world.simulate_day(self.calendar.day(number))
        return leaves[self.customers(t)]


def estimated_weights(X: Floats, followed: Floats, acted: Floats) -> tuple[Floats, Floats]:
    """1 / the probability of going without a contact for as many days as the row was followed, by
    a Poisson regression on the features; and contacts per day.
    """
    from sklearn.linear_model import PoissonRegressor

    days = np.maximum(followed, 0.5)
    mean = acted.sum() / days.sum()
    scaled = np.clip(Preprocess.of(X).apply(X), -3, 3)
    model = PoissonRegressor(alpha=1 / acted.sum(), solver="newton-cholesky")
    model.fit(scaled, acted / (days * mean), sample_weight=days * mean)
    rate = mean * model.predict(scaled)
    return np.where(acted, 0.0, np.minimum(np.exp(rate * days), MAX_WEIGHT)), rate


def measure(seed: int) -> dict[str, dict[str, float]]:
    """Of groups of customers on the test days: the truth, and the mean probability by each method.
    The likeliest to be contacted are a tenth.
    """
    shop = Shop(seed)
    shop.simulate()
    data, followed, acted = shop.examples(TRAIN_DAYS)
    estimated, rate = estimated_weights(data.X, followed, acted)
    weights = {
        "ignored": np.ones(len(data)),
        "left out": 1.0 - acted,
        "estimated": estimated,
        "weighted": data.w,
    }
    is_test = np.isin(data.as_of, np.datetime64(FIRST_DATE) + np.array(TEST_DAYS))
    is_half = hash_share(data.entities, "half") < 0.5
    columns = {"truth": np.concatenate([shop.truth(t) for t in TEST_DAYS])}
    for name, w in weights.items():
        p = np.zeros(len(data))
        for half in (is_half, ~is_half):
            rows = replace(data, weights=w)
            model = fit_model(candidate("logistic_regression"), rows, ~half, seed)
            p[half] = model.probabilities(data.X[half])
        columns[name] = p[is_test]
    chance = rate[is_test]
    groups = {
        "all": np.ones(len(chance), dtype=bool),
        "likeliest to be contacted": chance >= np.quantile(chance, 0.9),
    }
    figures = {}
    for group, mask in groups.items():
        figures[group] = {name: float(values[mask].mean()) for name, values in columns.items()}
        figures[group]["contacted"] = float(acted[is_test][mask].mean())
    return figures


def rows_of(seeds: int) -> Iterator[dict[str, Any]]:
    """A row per campaign and group, over the seeds: mean differences from the truth, and their
    standard errors in brackets; and the same for what weights change.
    """
    for name, (pilot, rule) in CAMPAIGNS.items():
        runs = []
        for seed in range(1, seeds + 1):
            with (
                patch.object(campaigns, "PILOT_SHARE", pilot),
                patch.object(campaigns, "RULE_PROPENSITY", rule),
            ):
                runs.append(measure(seed))
            print(name, seed, runs[-1], file=sys.stderr, flush=True)
        for group in runs[0]:
            values = {key: np.array([run[group][key] for run in runs]) for key in runs[0][group]}
            row: dict[str, Any] = {"contacts": name, "customers": group}
            row |= {key: round(float(values[key].mean()), 4) for key in ("contacted", "truth")}
            row |= {key: mean_and_error(values[key] - values["truth"]) for key in METHODS}
            row["weighted - ignored"] = mean_and_error(values["weighted"] - values["ignored"])
            yield row


def mean_and_error(values: Floats) -> str:
    """Such as `+0.0123 (0.0045)`."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():+.4f} ({error:.4f})"


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    notes = {"seeds": seeds, "customers": CUSTOMERS, "methods": "off the truth (standard error)"}
    publish(__file__, list(rows_of(seeds)), notes)


if __name__ == "__main__":
    main()
