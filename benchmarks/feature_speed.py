"""All features of transactions from 10 M order lines of 200,000 customers, beside duckdb.

Both read the same Parquet files and write the same features of every customer to Parquet, with two
threads. duckdb's query is made from the same declarations, as one would write it by hand: totals
per customer and day, then sums over windows. The platform makes its daily tiles first, once for all
dates; a day costs what that day's arrivals do. The values are compared. duckdb runs in an
environment of its own: DUCKDB_PYTHON is an interpreter that has it. Usage:
`python benchmarks/feature_speed.py DUCKDB_PYTHON [LINES]`.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from duckdb_features import features_query
from report import publish

from retention_assets.features.availability import features_by_group
from retention_assets.features.engine_spark import compute_features
from retention_assets.features.feature import Feature
from retention_assets.features.measures import Measure, available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings

LINES = 10_000_000
LINES_PER_CUSTOMER = 50
LINES_PER_ORDER = 2
FILES = 10
START = date(2023, 1, 1)
DAYS = 730
AS_OF = START + timedelta(days=DAYS)
ROUNDS = 3
TABLES = ("customers", "transactions")
TARGET = "tiles and features together at most 3 times duckdb"
DUCKDB = """
import json, sys, time
import duckdb
query, target = json.loads(sys.argv[1])
started = time.perf_counter()
duckdb.sql("SET threads = 2")
duckdb.sql(f"COPY ({query}) TO '{target}' (FORMAT parquet)")
print(time.perf_counter() - started)
"""


def write_lines(folder: Path, lines: int) -> None:
    """Order lines in the columns that validated/transactions has for the measures."""
    rng = np.random.default_rng(1)
    start = np.datetime64(START, "us")
    per_file = lines // FILES
    for number in range(FILES):
        orders = rng.integers(0, lines // LINES_PER_ORDER, per_file)
        # An order has one customer and one time.
        customers = (orders * 2654435761) % (lines // LINES_PER_CUSTOMER)
        seconds = (orders * 40503) % (DAYS * 86_400)
        event_ts = start + seconds.astype("timedelta64[s]").astype("timedelta64[us]")
        table = pa.table(
            {
                "transaction_id": np.char.add(f"{number}-", np.arange(per_file).astype(str)),
                "order_id": np.char.add("o", orders.astype(str)),
                "customer_id": np.char.add("c", customers.astype(str)),
                "event_ts": pa.array(event_ts, pa.timestamp("us", "UTC")),
                "kind": np.where(rng.random(per_file) < 0.05, "return", "sale"),
                "amount": np.round(rng.gamma(2.0, 20.0, per_file) + 0.01, 2),
                "quantity": rng.integers(1, 5, per_file).astype(np.float64),
                "product_id": np.char.add("p", rng.integers(0, 500, per_file).astype(str)),
                "arrival_date": pa.array(event_ts.astype("datetime64[D]"), pa.date32()),
                "is_correction": np.zeros(per_file, dtype=bool),
                "is_gone": np.zeros(per_file, dtype=bool),
            }
        )
        pq.write_table(table, folder / f"{number:03d}.parquet")


def write_customers(folder: Path, count: int) -> None:
    """A customer per identifier, all of whom signed up on the first day."""
    moment = np.full(count, np.datetime64(START, "us"))
    stamps = pa.array(moment, pa.timestamp("us", "UTC"))
    table = pa.table(
        {
            "customer_id": np.char.add("c", np.arange(count).astype(str)),
            "event_ts": stamps,
            "ingested_ts": stamps,
            "stated_ts": stamps,
            "replaced_on": pa.nulls(count, pa.date32()),
        }
    )
    pq.write_table(table, folder / "customers.parquet")


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def run_platform(
    lake: Lake, folder: Path, measures: list[Measure], features: list[Feature]
) -> dict[str, float]:
    """Seconds for the tiles of all days, and for the features of one day from them."""
    spark = lake.spark
    lines = spark.read.parquet(str(folder / "lines"))
    customers = spark.read.parquet(str(folder / "customers"))
    tiles = str(folder / "tiles")

    def make_tiles() -> None:
        frame = daily_activity({"transactions": lines}, measures, START, AS_OF)
        frame.write.mode("overwrite").parquet(tiles)

    def make_features() -> None:
        table = spark.read.parquet(tiles)
        frame = compute_features(table, customers, [AS_OF], features, START)
        frame.write.mode("overwrite").parquet(str(folder / "ours"))

    return {"tiles_s": timed(make_tiles), "features_s": timed(make_features)}


def run_duckdb(python: str, folder: Path, query: str) -> float:
    """Seconds of the query in a process of its own, whose start does not count."""
    arguments = json.dumps([query, str(folder / "duckdb.parquet")])
    output = subprocess.run(
        [python, "-c", DUCKDB, arguments], capture_output=True, text=True, check=False
    )
    if output.returncode:
        raise SystemExit(output.stderr[-2000:])
    return float(output.stdout)


def largest_difference(folder: Path, features: list[Feature]) -> float:
    """Between the two tables, relative to the value; infinite if one of them alone is null."""
    frames = [pq.read_table(folder / name).to_pandas() for name in ("ours", "duckdb.parquet")]
    ours, theirs = (frame.set_index("customer_id").sort_index() for frame in frames)
    worst = 0.0
    for feature in features:
        left = ours[feature.name].to_numpy(dtype=np.float64)
        right = theirs[feature.name].to_numpy(dtype=np.float64)
        if not np.array_equal(np.isnan(left), np.isnan(right)):
            return float("inf")
        gaps = np.abs(left - right) / np.maximum(1.0, np.abs(right))
        worst = max(worst, float(np.nanmax(gaps, initial=0.0)))
    return worst


def main(python: str, lines: int) -> None:
    features = features_by_group(TABLES)["transactions"]
    measures = available_measures(TABLES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lines").mkdir()
        (folder / "customers").mkdir()
        write_lines(folder / "lines", lines)
        write_customers(folder / "customers", lines // LINES_PER_CUSTOMER)
        query = features_query(
            f"{folder}/lines/*.parquet",
            f"{folder}/customers/*.parquet",
            measures,
            features,
            as_of=AS_OF,
            history_start=START,
        )
        lake = Lake.of(Settings(home=folder / "home"))
        rows: list[dict[str, Any]] = []
        for number in range(ROUNDS):
            ours = run_platform(lake, folder, measures, features)
            duckdb_s = run_duckdb(python, folder, query)
            total = sum(ours.values())
            rows.append(
                {
                    "round": number + 1,
                    **{name: round(value, 1) for name, value in ours.items()},
                    "duckdb_s": round(duckdb_s, 1),
                    "ratio": round(total / duckdb_s, 2),
                    "features_ratio": round(ours["features_s"] / duckdb_s, 2),
                }
            )
            print(rows[-1], file=sys.stderr, flush=True)
        difference = largest_difference(folder, features)
    notes = {
        "lines": lines,
        "customers": lines // LINES_PER_CUSTOMER,
        "features": len(features),
        "largest_relative_difference": difference,
        "target": TARGET,
    }
    publish(__file__, rows, notes)


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print("Not measured: no DUCKDB_PYTHON, an interpreter that has duckdb.")
        sys.exit(0)
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else LINES)
