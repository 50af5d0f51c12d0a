"""One Java for both workers of the suite: Spark's classes are compiled once, not once a worker.

The process that hands out the tests starts Spark, each worker makes a session of its own in it.
"""

import os
from pathlib import Path
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession

from retention_assets.cli.progress import redirect_output
from retention_assets.resources.lake import Lake, use_this_python
from retention_assets.settings import Settings

PORT = "PYSPARK_GATEWAY_PORT"
SECRET = "PYSPARK_GATEWAY_SECRET"


def small_lake(home: Path) -> Lake:
    """A lake on a Spark with two threads a worker, for tables of tests."""
    return Lake.of(Settings(home=home, spark_master="local[4]", spark_memory="3g"))


def start(home: Path) -> dict[str, str]:
    """Starts Spark in this process. Returns what `session_in` needs to reach it."""
    log = home / "java.log"
    log.unlink(missing_ok=True)
    with redirect_output(log):
        gateway: Any = small_lake(home).spark.sparkContext._gateway
    parameters = gateway.java_parameters
    return {PORT: str(parameters.port), SECRET: parameters.auth_token}


def session_in(address: dict[str, str], lake: Lake) -> SparkSession:
    """A new session in the Spark that `start` started, with views and settings of its own."""
    use_this_python()
    os.environ.update(address)
    try:
        gateway: Any = launch_gateway()
    finally:
        for name in address:  # processes that tests start have a Java of their own
            del os.environ[name]
    spark = gateway.jvm.org.apache.spark
    java_context = spark.api.java.JavaSparkContext(spark.SparkContext.getOrCreate())
    conf = SparkConf(loadDefaults=False, _jvm=gateway.jvm).setAll(list(lake.spark_conf.items()))
    context = SparkContext(conf=conf, gateway=gateway, jsc=java_context)
    started = spark.sql.classic.SparkSession.getDefaultSession().get()
    return SparkSession(context, jsparkSession=started.newSession())
