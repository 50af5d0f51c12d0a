"""Spark's Java classes as an archive (class data sharing), which each Java maps into memory.

Without it, half of the seconds that a start of Spark takes go into reading and verifying classes.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

QUIET = "-Xlog:disable"  # Java would print to stdout, which belongs to the command.
OPTIONS = "spark.driver.extraJavaOptions"
# Uses what every run uses: its classes are the ones that the archive contains.
WARM_UP = """
import json, sys
from delta.tables import DeltaTable
from pyspark.sql import SparkSession, functions as F
builder = SparkSession.builder
for name, value in json.loads(sys.argv[1]).items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
files, table = f"{sys.argv[2]}/files", f"{sys.argv[2]}/table"
numbers = spark.range(9).selectExpr("id", "id % 3 AS part", "string(id) AS text")
numbers.write.option("header", True).csv(files)
days = spark.read.option("header", True).csv(files)
days = days.selectExpr("bigint(id) AS id", "date'2024-01-01' AS day")
sums = numbers.groupBy("part").agg(F.sum("id"), F.count_distinct("text"))
numbers.join(sums, "part").join(days, "id").toPandas()
days.write.format("delta").save(table)
DeltaTable.forPath(spark, table).alias("old").merge(days.alias("new"), "old.id = new.id") \\
    .whenMatchedUpdateAll().whenNotMatchedInsertAll().whenNotMatchedBySourceDelete().execute()
days.write.format("delta").mode("overwrite").option("replaceWhere", "id >= 0").save(table)
spark.read.format("delta").load(table).collect()
"""


def archive_file(folder: Path) -> Path:
    return folder / "classes.jsa"


def archive_options(folder: Path) -> list[str]:
    """Options of a Java that uses the folder's archive; none where there is no archive.

    Java ignores an archive that does not fit its own version or its jars.
    """
    archive = archive_file(folder)
    if not archive.exists():
        return []
    return [f"-XX:SharedArchiveFile={archive}", QUIET]


def write_archive(folder: Path, java_home: Path, spark_conf: Mapping[str, str]) -> bool:
    """Writes the archive into the folder. Returns whether this Java could write one."""
    draft = archive_file(folder).with_suffix(f".{os.getpid()}")
    options = f"-XX:TieredStopAtLevel=1 -XX:ArchiveClassesAtExit={draft} {QUIET}"
    with tempfile.TemporaryDirectory() as tables:
        conf = {**spark_conf, OPTIONS: options, "spark.sql.warehouse.dir": tables}
        result = subprocess.run(
            [sys.executable, "-c", WARM_UP, json.dumps(conf), tables],
            env={**os.environ, "JAVA_HOME": str(java_home), "SPARK_LOCAL_IP": "127.0.0.1"},
            capture_output=True,  # and so waits for Java, which writes the archive when it ends
            check=False,
        )
    if result.returncode != 0 or not draft.exists():
        return False
    draft.replace(archive_file(folder))
    return True
