"""Values of all customers in Spark equal those of the models on the same rows."""

from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame

from retention_assets.errors import NotTrainableError
from retention_assets.resources.lake import Lake
from retention_assets.value.lifetime import customer_values
from retention_assets.value.lifetime.customer_values import (
    COLUMNS,
    purchase_values,
    subscription_values,
)
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.model import LifetimeModel, fit_lifetime
from retention_assets.value.lifetime.purchases import PurchaseSummary

HORIZON = Horizon(0.1, months=12)
NAMES = [name for name, _, _ in COLUMNS]
COUNT = 300


def purchases(lake: Lake) -> tuple[DataFrame, PurchaseSummary]:
    rng = np.random.default_rng(3)
    frequency = rng.poisson(rng.gamma(0.7, 3.0, COUNT)).astype(float)
    T = rng.uniform(20, 50, COUNT)
    recency = np.where(frequency > 0, T * rng.uniform(0.1, 1.0, COUNT), 0.0)
    monetary = np.where(frequency > 0, rng.gamma(4.0, 10.0, COUNT), 0.0)
    columns = [values.tolist() for values in (frequency, recency, T, monetary)]
    ids = [f"c{number:03d}" for number in range(COUNT)]
    frame = lake.spark.createDataFrame(
        list(zip(ids, *columns, strict=True)),
        "customer_id string, frequency double, recency double, T double, monetary double",
    )
    return frame.repartition(3), PurchaseSummary(frequency, recency, T, monetary)


def test_purchase_values_equal_those_of_the_model(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame, summary = purchases(lake)
    models: list[LifetimeModel] = []

    def noted_fit(sample: PurchaseSummary, **options: Any) -> LifetimeModel:
        models.append(fit_lifetime(sample, **options))
        return models[-1]

    monkeypatch.setattr(customer_values, "fit_lifetime", noted_fit)
    values = purchase_values(frame, horizon=HORIZON, margin_share=0.2, seed=5)
    rows = sorted(values.frame.collect(), key=lambda row: row["customer_id"])
    assert values.frame.columns == NAMES and len(rows) == COUNT
    assert values.model["fitted_on_customers"] == COUNT
    expected = models[0].value(summary)
    columns = {
        "probability_alive": expected.probability_alive,
        "expected_count": expected.purchases,
        "clv_score": expected.margin,
        "value_lower": expected.margin_lower,
        "value_upper": expected.margin_upper,
    }
    for name, numbers in columns.items():
        assert [row[name] for row in rows] == pytest.approx(numbers.tolist()), name


def test_too_few_repeat_buyers_are_an_error(lake: Lake) -> None:
    frame, _ = purchases(lake)
    once = frame.where("frequency = 0")
    with pytest.raises(NotTrainableError, match="has bought again"):
        purchase_values(once, horizon=HORIZON, margin_share=0.2, seed=5)


def test_subscription_value_is_margin_times_expected_months(lake: Lake) -> None:
    """Of 40 subscriptions ten end in their first month, and no other ever does."""
    rows = [(f"gone{number}", "basic", 0, 0, True, 10) for number in range(10)]
    rows += [(f"c{number}", "basic", 0, 20, False, 600) for number in range(30)]
    histories = lake.spark.createDataFrame(
        rows,
        "customer_id string, plan string, entry bigint, tenure bigint, ended boolean, exposure int",
    )
    sales = lake.spark.createDataFrame([("c1", 180.0)], "customer_id string, sold double")
    values = subscription_values(histories, sales, horizon=HORIZON, margin_share=0.5)
    by_customer = {row["customer_id"]: row for row in values.frame.collect()}
    assert len(by_customer) == 30 and values.model["subscriptions"] == 40
    buyer = by_customer["c1"]
    monthly = 180 / 180 * 365.25 / 12 * 0.5
    assert 11 < buyer["expected_count"] <= 12
    assert monthly * 10 < buyer["clv_score"] < monthly * 12
    assert 0 < buyer["value_lower"] <= buyer["value_upper"] < monthly * 12
    assert buyer["probability_alive"] is None
    assert by_customer["c2"]["clv_score"] == 0
