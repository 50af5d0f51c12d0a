"""The lifetime value of every customer of a source: a model is fitted on what Spark counts, then
applied to all customers in Spark, batch by batch. No table of customers comes to one process.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.value.lifetime.histories import DAYS_PER_MONTH, DAYS_PER_WEEK, MARGIN_DAYS
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.model import LifetimeModel, fit_lifetime
from retention_assets.value.lifetime.purchases import PurchaseSummary
from retention_assets.value.lifetime.subscriptions import Subscriptions
from retention_assets.value.lifetime.survival import SurvivalModel, fit_survival

if TYPE_CHECKING:
    import pyarrow as pa

FIT_CUSTOMERS = 50_000  # a random sample; more moves no digit that anybody reads
# Column, Spark type, meaning.
COLUMNS = (
    ("customer_id", "string", "The customer."),
    (
        "probability_alive",
        "double",
        "Without a contract: that the customer still buys; null for subscriptions.",
    ),
    (
        "expected_count",
        "double",
        "Expected purchases within the horizon; for subscriptions, complete months.",
    ),
    (
        "clv_score",
        "double",
        "Lifetime value: expected margin within the horizon, discounted. The description "
        "multiplied revenue by a frequency that the revenue already has in it, let the lifetime "
        "grow with age, and knew neither churn nor discount.",
    ),
    (
        "value_lower",
        "double",
        "Lower end of the 90 % interval of the discounted margin that the customer will bring.",
    ),
    ("value_upper", "double", "Upper end of that interval."),
)
SCHEMA = ", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS)


@dataclass(frozen=True)
class CustomerValues:
    """A frame of `COLUMNS`, and what the model is, for the asset's page."""

    frame: DataFrame
    model: dict[str, Any]


def purchase_values(
    histories: DataFrame, *, horizon: Horizon, margin_share: float, seed: int
) -> CustomerValues:
    """By BG/NBD and Gamma-Gamma. `histories`: of `purchase_histories`. Raises NotTrainableError
    where too few customers have bought again.
    """
    sample = histories.orderBy(F.xxhash64("customer_id", F.lit(seed))).limit(FIT_CUSTOMERS)
    summary = _summary(sample.toArrow())
    model = fit_lifetime(summary, horizon=horizon, margin_share=margin_share, seed=seed)
    frame = histories.mapInArrow(_by_purchases(model), SCHEMA)
    return CustomerValues(
        frame,
        {
            "model": "BG/NBD and Gamma-Gamma",
            "fitted_on_customers": len(summary),
            **{
                f"bg_nbd_{name}": getattr(model.purchases, name)
                for name in ("r", "alpha", "a", "b")
            },
            **{f"gamma_gamma_{name}": getattr(model.spend, name) for name in ("p", "q", "gamma")},
        },
    )


def subscription_values(
    histories: DataFrame, sales: DataFrame, *, horizon: Horizon, margin_share: float
) -> CustomerValues:
    """By discrete-time survival. `histories`: of `subscription_histories`; `sales`: of
    `recent_sales`. Values those that run. Raises NotTrainableError if none has ended.
    """
    groups = ["plan", "entry", "tenure", "ended"]
    counts = histories.groupBy(*groups).count().toArrow()
    rows = Subscriptions(*(_column(counts, name) for name in (*groups, "count")))
    model = fit_survival(rows, horizon)
    days = F.greatest(F.least(F.col("exposure"), F.lit(MARGIN_DAYS)), F.lit(1))
    monthly = F.coalesce(F.col("sold"), F.lit(0.0)) / days * F.lit(DAYS_PER_MONTH * margin_share)
    running = histories.where("NOT ended").join(sales, "customer_id", "left")
    inputs = running.select("customer_id", "plan", "tenure", monthly.alias("monthly_margin"))
    plans = ", ".join(model.plans.tolist())
    return CustomerValues(
        inputs.mapInArrow(_by_survival(model), SCHEMA),
        {
            "model": "discrete-time survival by plan and tenure",
            "plans": plans,
            "subscriptions": sum(counts["count"].to_pylist()),
        },
    )


def _parameters(model: LifetimeModel) -> dict[str, float]:
    purchases = {name: getattr(model.purchases, name) for name in ("r", "alpha", "a", "b")}
    spend = {name: getattr(model.spend, name) for name in ("p", "q", "gamma")}
    return {
        **{f"bg_nbd_{name}": value for name, value in purchases.items()},
        **{f"gamma_gamma_{name}": value for name, value in spend.items()},
    }


Batches = Callable[[Iterator["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]


def _by_purchases(model: LifetimeModel) -> Batches:
    def valued(batches: Iterator["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            value = model.value(_summary(batch))
            columns = (value.probability_alive, value.purchases, value.margin)
            yield _batch(batch, [*columns, value.margin_lower, value.margin_upper])

    return valued


def _by_survival(model: SurvivalModel) -> Batches:
    def valued(batches: Iterator["pa.RecordBatch"]) -> Iterator["pa.RecordBatch"]:
        for batch in batches:
            names = ("plan", "tenure", "monthly_margin")
            value = model.value(*(_column(batch, name) for name in names))
            columns = (value.months, value.margin, value.margin_lower, value.margin_upper)
            yield _batch(batch, [None, *columns])

    return valued


def _summary(rows: "pa.Table | pa.RecordBatch") -> PurchaseSummary:
    names = ("frequency", "recency", "T", "monetary")
    return PurchaseSummary(*(_column(rows, name) for name in names), unit_days=DAYS_PER_WEEK)


def _column(rows: "pa.Table | pa.RecordBatch", name: str) -> np.ndarray:
    values = rows.column(name).to_numpy(zero_copy_only=False)
    return values.astype(np.str_) if values.dtype == object else values


def _batch(batch: "pa.RecordBatch", values: Sequence[Any]) -> "pa.RecordBatch":
    import pyarrow as pa

    names = [name for name, _, _ in COLUMNS]
    nothing = pa.nulls(batch.num_rows, pa.float64())
    columns = [nothing if value is None else pa.array(value, pa.float64()) for value in values]
    return pa.RecordBatch.from_arrays([batch.column("customer_id"), *columns], names=names)
