"""`clv_score` of many customers in Spark: in Arrow batches, as the platform scores, beside a Python
UDF that is called for each row, as the original description had it.

Both apply the same fitted model and give the same values, on a sample for the UDF. Usage:
`python benchmarks/clv_score.py [CUSTOMERS]`.
"""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from lifetime_value import simulated_customers
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from report import publish

from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.value.lifetime.customer_values import purchase_values
from retention_assets.value.lifetime.histories import DAYS_PER_WEEK
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.model import LifetimeModel, fit_lifetime
from retention_assets.value.lifetime.purchases import PurchaseSummary

CUSTOMERS = 200_000
SAMPLED = 2_000  # for the UDF
ROUNDS = 3
HORIZON = Horizon(0.1, 36)
MARGIN_SHARE = 0.2
COLUMNS = ("frequency", "recency", "T", "monetary")


def write_histories(path: Path, count: int) -> None:
    """Summaries of simulated customers, in the columns of `purchase_histories`."""
    columns = simulated_customers(count, seed=1)
    # In weeks, as the platform counts.
    columns[1:3] = np.ceil(columns[1:3] / DAYS_PER_WEEK)
    table = dict(zip(COLUMNS, columns, strict=True))
    ids = np.char.add("c", np.arange(count).astype(str))
    pq.write_table(pa.table({"customer_id": ids, **table}), path)


def row_wise(histories: DataFrame, model: LifetimeModel) -> DataFrame:
    """The same score by a Python UDF."""

    def score(*values: float) -> float:
        summary = PurchaseSummary(*(np.array([value]) for value in values), unit_days=DAYS_PER_WEEK)
        return float(model.value(summary).margin[0])

    clv_score = F.udf(score, "double")
    return histories.select("customer_id", clv_score(*COLUMNS).alias("clv_score"))


def seconds_to_write(frame: DataFrame, path: Path) -> float:
    began = time.perf_counter()
    frame.select("customer_id", "clv_score").write.mode("overwrite").parquet(str(path))
    return time.perf_counter() - began


def largest_difference(folder: Path) -> float:
    """Between the two scores of a sampled customer, relative to the score."""
    ours, theirs = (
        pq.read_table(folder / name).to_pandas().set_index("customer_id")["clv_score"]
        for name in ("arrow", "udf")
    )
    return float(((ours.loc[theirs.index] - theirs).abs() / theirs.abs().clip(lower=1)).max())


def main(customers: int) -> None:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_histories(folder / "histories.parquet", customers)
        lake = Lake.of(Settings(home=folder / "home"))
        histories = lake.spark.read.parquet(str(folder / "histories.parquet"))
        sample = histories.orderBy(F.xxhash64("customer_id")).limit(SAMPLED).cache()
        scored = purchase_values(histories, horizon=HORIZON, margin_share=MARGIN_SHARE, seed=1)
        table = histories.orderBy(F.xxhash64("customer_id", F.lit(1))).limit(50_000).toArrow()
        summary = PurchaseSummary(
            *(table[column].to_numpy() for column in COLUMNS), unit_days=DAYS_PER_WEEK
        )
        model = fit_lifetime(summary, horizon=HORIZON, margin_share=MARGIN_SHARE, seed=1)
        for number in range(ROUNDS):
            arrow = seconds_to_write(scored.frame, folder / "arrow") / customers
            udf = seconds_to_write(row_wise(sample, model), folder / "udf") / SAMPLED
            rows.append(
                {
                    "round": number + 1,
                    "arrow_us_per_customer": round(arrow * 1e6, 1),
                    "udf_us_per_customer": round(udf * 1e6, 1),
                    "ratio": round(udf / arrow, 1),
                }
            )
        difference = largest_difference(folder)
    notes = {"customers": customers, "sampled": SAMPLED, "largest_relative_difference": difference}
    publish(__file__, rows, notes)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else CUSTOMERS)
