"""Decisions in, weights out; and the weighted rate is the known one without contacts."""

from datetime import date, timedelta

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.resources.lake import Lake
from retention_assets.training.contact_weights import MAX_WEIGHT, with_weights
from retention_assets_tests.features.factories import Fact
from retention_assets_tests.training.contact_rows import decisions

PAIRS = "customer_id string, as_of string, decided_by string"
AS_OF = date(2024, 3, 4)
DAY_BEFORE = "2024-03-03 23:59:59"
START = "2024-03-04 00:00:00"
SOON = "2024-03-10 12:00:00"
LATER = "2024-03-20 12:00:00"
LAST = "2024-04-01 23:59:59"
AFTER = "2024-04-02 00:00:00"
KNOWN_ON = "2024-07-01"

# Decisions of one customer each, and what follows: treated, weight.
CASES: dict[str, tuple[list[Fact], tuple[bool, float]]] = {
    "no decision": ([], (False, 1.0)),
    "contacted before": ([("treated .5", DAY_BEFORE)], (False, 1.0)),
    "contacted at the start": ([("treated .5", START)], (True, 0.0)),
    "contacted on the last day": ([("treated .5", LAST)], (True, 0.0)),
    "contacted after": ([("treated .5", AFTER)], (False, 1.0)),
    "left out before": ([("held out .5", DAY_BEFORE)], (False, 1.0)),
    "left out": ([("held out .2", SOON)], (False, 1 / 0.8)),
    "left out twice": ([("held out .2", SOON), ("held out .5", LATER)], (False, 1 / 0.4)),
    "left out after": ([("held out .5", AFTER)], (False, 1.0)),
    "left out, then contacted": ([("held out .2", SOON), ("treated .5", LATER)], (True, 0.0)),
    "contacted, not logged": ([("treated", LATER)], (True, 1.0)),
    "contacted for certain": ([("treated 1", LATER)], (True, 1.0)),
    "left out, not logged": ([("held out", SOON)], (False, 1.0)),
    "one of two logged": ([("treated", SOON), ("held out .5", LATER)], (True, 2.0)),
    "hardly ever left out": ([("held out .99", SOON)], (False, MAX_WEIGHT)),
    "reported too late": ([("treated .5", SOON, "2024-07-01 00:00:00")], (False, 1.0)),
    "taken back": ([("treated .5", SOON, SOON, "2024-06-30")], (False, 1.0)),
}


def weighted(
    spark: SparkSession, rows: list[tuple[str, str, str]], contacts: DataFrame | None
) -> DataFrame:
    """The rows of PAIRS with their weights."""
    days = {name: F.to_date(name) for name in ("as_of", "decided_by")}
    pairs = spark.createDataFrame(rows, PAIRS).withColumns(days)
    return with_weights(pairs, contacts, known_on=F.lit(KNOWN_ON).cast("timestamp"))


def test_logged_decisions_until_the_outcome_give_the_weight(lake: Lake) -> None:
    contacts = decisions(lake.spark, {who: facts for who, (facts, _) in CASES.items()})
    pairs = [(who, START, AFTER) for who in CASES]
    rows = weighted(lake.spark, pairs, contacts).collect()
    assert {row.customer_id: row.treated for row in rows} == {
        who: treated for who, (_, (treated, _)) in CASES.items()
    }
    assert {row.customer_id: row.weight for row in rows} == pytest.approx(
        {who: weight for who, (_, (_, weight)) in CASES.items()}
    )


def test_source_without_contacts_weighs_all_alike(lake: Lake) -> None:
    (row,) = weighted(lake.spark, [("C1", START, AFTER)], None).collect()
    assert (row.treated, row.weight) == (False, 1.0)


def test_weighted_rate_is_the_rate_without_contacts(lake: Lake) -> None:
    """Customers become unhappy on a day that no feature knows, then leave within weeks. Each week
    15 % of the unhappy and 2 % of the others are contacted, which keeps everybody. Counted alike,
    those kept lower the rate. Without them it is still too low: more of them were unhappy.
    """
    rng = np.random.default_rng(3)
    customers = 4000
    days = 90
    unhappy_on = rng.exponential(150, customers)
    leaves_on = unhappy_on + rng.exponential(30, customers)
    truth = (leaves_on < days).mean()
    decided_by = np.full(customers, days)
    label = np.zeros(customers)
    contacted = np.zeros(customers, dtype=bool)
    facts: dict[str, list[Fact]] = {}
    for at in range(customers):
        kept = False
        for day in range(2, days, 7):
            if not kept and leaves_on[at] < day:
                break
            chance = 0.15 if unhappy_on[at] < day else 0.02
            is_contacted = rng.random() < chance
            kept = kept or is_contacted
            what = f"{'treated' if is_contacted else 'held out'} {chance:.2f}"
            when = f"{AS_OF + timedelta(days=day)} 12:00:00"
            facts.setdefault(f"C{at}", []).append((what, when))
        contacted[at] = kept
        if not kept and leaves_on[at] < days:
            label[at] = 1
            decided_by[at] = int(leaves_on[at]) + 1
    rows = [
        (f"C{at}", START, str(AS_OF + timedelta(days=int(by)))) for at, by in enumerate(decided_by)
    ]
    contacts = decisions(lake.spark, facts)
    table = weighted(lake.spark, rows, contacts).toPandas()
    weight = table.set_index("customer_id").loc[[f"C{at}" for at in range(customers)], "weight"]
    assert np.average(label, weights=weight) == pytest.approx(truth, abs=0.02)
    assert weight.mean() == pytest.approx(1, abs=0.05)
    assert label.mean() < truth - 0.08
    assert label[~contacted].mean() < truth - 0.02
