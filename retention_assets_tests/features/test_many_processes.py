"""Features on a Spark whose executors are separate processes: nothing assumes one machine."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import functions as F

from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_spark import compute_features
from retention_assets.features.measures import MEASURES
from retention_assets.features.tiles import daily_activity
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE, simulate

CUSTOMERS = 120
DAYS = 40
EXECUTORS = 2
TILES = "features/daily_activity"
CURRENT = "features/current"
AS_OFS = [FIRST_DATE + timedelta(days=days) for days in (20, DAYS)]
RUN = "from retention_assets_tests.features.test_many_processes import run_alone; run_alone()"


def make_features(lake: Lake, source: Path) -> None:
    """Facts to tiles to features, each written as a table."""
    names = ["customers", *dict.fromkeys(measure.table for measure in MEASURES)]
    added = (
        "date(ingested_ts) arrival_date",
        "ingested_ts stated_ts",
        "false is_correction",
        "false is_gone",
    )
    facts = {
        name: lake.spark.read.parquet(str(source / name)).selectExpr("*", *added) for name in names
    }
    customers = facts.pop("customers").withColumn("replaced_on", F.lit(None).cast("date"))
    last = FIRST_DATE + timedelta(days=DAYS - 1)
    tiles = daily_activity(facts, MEASURES, FIRST_DATE, last)
    lake.replace_days(TILES, tiles, "arrival_date", first=FIRST_DATE, last=last)
    current = compute_features(lake.read(TILES), customers, AS_OFS, FEATURES, FIRST_DATE)
    lake.merge(CURRENT, current, ["customer_id", "as_of"])


def run_alone() -> None:
    """Runs in the other process, on its environment's Spark. Prints the number of executors."""
    settings = Settings()
    lake = Lake.of(settings)
    options = lake.spark_conf["spark.driver.extraJavaOptions"]
    conf = lake.spark_conf | {"spark.executor.extraJavaOptions": options}
    lake = Lake(root=lake.root, home=lake.home, spark_conf=conf)
    make_features(lake, settings.simulated_dir)
    java: Any = lake.spark.sparkContext._jsc
    print(len(java.sc().statusTracker().getExecutorInfos()) - 1)  # the driver is among them


def test_executor_processes_give_the_same_tables(own_lake: Lake, tmp_path: Path) -> None:
    cluster = Settings(
        home=tmp_path / "cluster",
        spark_master=f"local-cluster[{EXECUTORS},1,1024]",
        spark_memory="1g",
    )
    simulate(cluster.simulated_dir, customers=CUSTOMERS, days=DAYS, seed=5)
    make_features(own_lake, cluster.simulated_dir)

    run = [sys.executable, "-c", RUN]
    process = subprocess.run(
        run, env=cluster.environment(), capture_output=True, text=True, timeout=280, check=False
    )

    assert process.returncode == 0, process.stderr[-2000:]
    assert int(process.stdout.split()[-1]) == EXECUTORS
    for table in (TILES, CURRENT):
        local = own_lake.read(table)
        remote = own_lake.spark.read.format("delta").load(f"{cluster.lake_root}/{table}")
        assert local.schema == remote.schema and local.count() > CUSTOMERS
        assert local.exceptAll(remote).isEmpty() and remote.exceptAll(local).isEmpty(), table
