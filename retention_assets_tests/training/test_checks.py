"""The check of training/churn_examples: weights of logged contacts average 1, or it says so."""

import numpy as np
import pyarrow as pa
import pytest

from retention_assets.resources.lake import Lake
from retention_assets.training.checks import MIN_CUSTOMERS, contact_weights_average_one
from retention_assets_tests.runs import evaluate_check

WEEKS = 3


def write_weights(lake: Lake, customers: int, logged: float, only_contacts: bool = False) -> None:
    """Weights of weeks in each of which three tenths are contacted. `logged`: the propensity that
    the source says. `only_contacts`: it logs no decision to leave a customer out.
    """
    contacted = np.random.default_rng(3).random(customers * WEEKS) < 0.3
    left_out = 1.0 if only_contacts else 1 / (1 - logged)
    names = np.repeat([f"C{number}" for number in range(customers)], WEEKS)
    table = pa.table({"customer_id": names, "weight": np.where(contacted, 0.0, left_out)})
    lake.overwrite("training/churn_examples", lake.spark.createDataFrame(table))


@pytest.mark.parametrize(
    ("logged", "only_contacts", "passed"),
    [(0.3, False, True), (0.6, False, False), (0.1, False, False), (0.3, True, False)],
    ids=["right", "too high", "too low", "only contacts"],
)
def test_check_sees_propensities_that_do_not_fit(
    module_lake: Lake, logged: float, only_contacts: bool, passed: bool
) -> None:
    write_weights(module_lake, 500, logged, only_contacts)
    result = evaluate_check(contact_weights_average_one(), module_lake)
    assert result.passed is passed
    mean = result.metadata["mean_weight"].value
    assert isinstance(mean, float) and (abs(mean - 1) < 0.05) is passed


def test_few_customers_decide_nothing(module_lake: Lake) -> None:
    write_weights(module_lake, MIN_CUSTOMERS - 1, 0.6)
    assert evaluate_check(contact_weights_average_one(), module_lake).passed
