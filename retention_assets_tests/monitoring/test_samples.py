"""Which customers the drift report compares: those in the last training week and today's."""

from datetime import date, timedelta

import numpy as np
import pytest

from retention_assets.monitoring.samples import Samples, drift_samples
from retention_assets.resources.lake import Lake
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED, UNKNOWN

NOW = date(2024, 6, 10)
TRAINED = date(2024, 3, 4)
TABLES = ["features/customer_behavior", "features/customer_transactions"]
CUSTOMERS = {"stays": 1.0, "is back": 2.0, "is silent": 3.0, "left": 4.0, "never bought": 5.0}
STATES = dict(zip(CUSTOMERS, (ACTIVE, RETURNED, LAPSED, LEFT, UNKNOWN), strict=True))


@pytest.fixture(scope="module")
def filled(module_lake: Lake) -> Lake:
    spark = module_lake.spark
    for table, name in zip(TABLES, ("logins", "spend"), strict=True):
        rows = [(customer, NOW, value) for customer, value in CUSTOMERS.items()]
        module_lake.overwrite(
            table, spark.createDataFrame(rows, f"customer_id string, as_of date, {name} double")
        )
    states = [(customer, NOW, state) for customer, state in STATES.items()]
    module_lake.overwrite(
        "features/customer_state",
        spark.createDataFrame(states, "customer_id string, as_of date, state string"),
    )
    examples = [
        ("a", TRAINED, 10.0, None),
        ("b", TRAINED, None, 20.0),
        ("a", TRAINED - timedelta(weeks=1), 99.0, 99.0),
    ]
    schema = "customer_id string, as_of date, logins double, spend double"
    module_lake.overwrite("training/churn_examples", spark.createDataFrame(examples, schema))
    return module_lake


def samples(lake: Lake) -> Samples:
    return drift_samples(
        lake.read, tables=TABLES, features=["logins", "spend"], trained_through=TRAINED
    )


def test_reference_is_last_training_week_with_unknown_as_nan(
    filled: Lake,
) -> None:
    result = samples(filled)
    assert np.array_equal(np.sort(result.reference["logins"]), [10.0, np.nan], equal_nan=True)
    assert np.array_equal(np.sort(result.reference["spend"]), [20.0, np.nan], equal_nan=True)


def test_only_customers_who_can_still_leave_are_compared(filled: Lake) -> None:
    """As in the training weeks, which have no others."""
    result = samples(filled)
    assert set(result.current["logins"]) == set(result.current["spend"]) == {1.0, 2.0}
