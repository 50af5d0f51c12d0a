"""Which customers the drift report compares: those in the last training week and today's."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from retention_assets.monitoring.samples import Samples, drift_samples
from retention_assets.resources.lake import Lake
from retention_assets.sources.profile import Churn, Profile, TableSource

NOW = date(2024, 6, 10)
TRAINED = date(2024, 3, 4)
MIDNIGHT = datetime(2024, 6, 10, tzinfo=UTC)
TABLES = ["features/customer_behavior", "features/customer_transactions"]
FACTS = "customer_id string, event_ts timestamp, ingested_ts timestamp, kind string"
KEYS = ("uuid() transaction_id", "false is_correction")
CUSTOMERS = {"stays": 1.0, "left": 2.0, "left_unreported": 3.0, "left_today": 4.0}


def profile(kind: str, **rules: int) -> Profile:
    churn = Churn.model_validate({"kind": kind, **rules})
    return Profile(name="test", start=date(2024, 1, 1), churn=churn, tables={})


def at(days: float) -> datetime:
    return MIDNIGHT + timedelta(days=days)


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    spark = module_lake.spark
    for table, name in zip(TABLES, ("logins", "spend"), strict=True):
        rows = [(customer, NOW, value) for customer, value in CUSTOMERS.items()]
        module_lake.overwrite(
            table, spark.createDataFrame(rows, f"customer_id string, as_of date, {name} double")
        )
    examples = [
        ("a", TRAINED, 10.0, None),
        ("b", TRAINED, None, 20.0),
        ("a", TRAINED - timedelta(weeks=1), 99.0, 99.0),
    ]
    schema = "customer_id string, as_of date, logins double, spend double"
    module_lake.overwrite("training/churn_examples", spark.createDataFrame(examples, schema))
    return module_lake


def samples(lake: Lake, profile: Profile) -> Samples:
    return drift_samples(
        lake.read,
        profile,
        tables=TABLES,
        features=["logins", "spend"],
        trained_through=TRAINED,
    )


def write_facts(lake: Lake, table: str, facts: list[tuple]) -> None:
    frame = lake.spark.createDataFrame(facts, FACTS).selectExpr("*", *KEYS)
    lake.overwrite(f"validated/{table}", frame)


def compared(lake: Lake, profile: Profile) -> set[float]:
    return set(samples(lake, profile).current["logins"])


def test_reference_is_last_training_week_with_unknown_as_nan(
    filled: Lake,
) -> None:
    write_facts(filled, "churn_events", [])
    result = samples(filled, profile("cancellation"))
    assert np.array_equal(np.sort(result.reference["logins"]), [10.0, np.nan], equal_nan=True)
    assert np.array_equal(np.sort(result.reference["spend"]), [20.0, np.nan], equal_nan=True)
    assert set(result.current["spend"]) == set(CUSTOMERS.values())


def test_customers_known_to_have_left_are_not_compared(filled: Lake) -> None:
    facts = [
        ("left", at(-30), at(-29), ""),
        ("left_unreported", at(-30), at(0.1), ""),
        ("left_today", at(0), at(0), ""),
    ]
    write_facts(filled, "churn_events", facts)
    assert compared(filled, profile("cancellation")) == {1.0, 3.0, 4.0}


def test_inactivity_compares_only_recent_buyers(
    filled: Lake,
) -> None:
    facts = [
        ("stays", at(-5), at(-5), "sale"),
        ("left", at(-200), at(-200), "sale"),
        ("left_unreported", at(-5), at(1), "sale"),
        ("left_today", at(-5), at(-5), "return"),
    ]
    write_facts(filled, "transactions", facts)
    assert compared(filled, profile("inactivity")) == {1.0, 2.0}
    assert compared(filled, profile("inactivity", active_within_days=90)) == {1.0}


def test_given_labels_compare_all_customers_but_leavers(filled: Lake) -> None:
    assert compared(filled, profile("label")) == set(CUSTOMERS.values())
    facts = [("left", at(-30), at(-29), "")]
    write_facts(filled, "churn_events", facts)
    tables = {"churn_events": TableSource(path="churn_events/*")}
    canceling = profile("label").model_copy(update={"tables": tables})
    assert compared(filled, canceling) == {1.0, 3.0, 4.0}
