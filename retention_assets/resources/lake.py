"""The lake: one Spark session a process, and Delta tables at `<root>/<stage>/<noun>`.

All reads and writes of tables go through here. What the tables mean is the stages' business.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field, PrivateAttr

from retention_assets.errors import ContractError
from retention_assets.resources.observed_counts import CountsByNumber
from retention_assets.resources.small_tables import set_table_properties, table_properties
from retention_assets.services.jars import NEEDED, fetch_jars, jars_folder
from retention_assets.services.java import spark_java_home
from retention_assets.services.java_archive import archive_options
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


EPOCH = date(1970, 1, 1)
DEFINITION = "retention.definition"  # table property: digest of the definition that made the table
_STARTING = Lock()  # steps on several threads ask for the session at once
# Java compiles a method thoroughly after ten times as many calls or loops as by default. A run
# plans hundreds of small queries: a third of Java's CPU seconds went into compiling code that
# soon was not called any more. The parallel collector costs less than the default one, which
# keeps pauses short that nobody waits for here.
JAVA_OPTIONS = (
    "-XX:+UseParallelGC",
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    "-XX:Tier4BackEdgeThreshold=400000",
)


def spark_config(settings: Settings) -> dict[str, str]:
    """Session settings: offline Delta jars, UTC, loopback, and few partitions for small tables."""
    folder = jars_folder()
    return {
        "spark.app.name": "retention",
        "spark.master": settings.spark_master,
        "spark.driver.memory": settings.spark_memory,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": " ".join([*archive_options(folder), *JAVA_OPTIONS]),
        "spark.jars": ",".join(str(folder / f"{name}.jar") for name in NEEDED),
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.shuffle.partitions": "4",
        # Java never compiles a method of more than 8,000 bytes: Spark splits such queries up.
        "spark.sql.codegen.hugeMethodLimit": "8000",
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "8",  # not a task per file
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.warehouse.dir": str(settings.home / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.legacy.javaCharsets": "true",  # CSV files in cp1252 and other encodings
        "spark.sql.legacy.parquet.nanosAsLong": "true",  # pandas writes nanoseconds
    }


def give_main_module_a_file() -> None:
    """Keeps PySpark from ending this process when Great Expectations looks for Spark Connect.

    Dagster's daemon spawns its runs. In a spawned process the main module has no file: PySpark
    takes that for a doctest and exits (`pyspark.sql.connect.utils.check_dependencies`).
    """
    main = sys.modules["__main__"]
    if not hasattr(main, "__file__"):
        main.__file__ = __file__


def use_this_python() -> None:
    """Makes Spark's Python workers run on this interpreter, which has the packages that they need,
    unless `PYSPARK_PYTHON` names another one, as on a cluster. Spark's default is any `python3`.
    """
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)


class Lake(dg.ConfigurableResource):
    """Delta tables by asset key (`stage/noun`), read and written with Spark.

    `definitions`: asset key -> digest of what decides the table's content. A table of another
    definition is neither read nor added to; it is replaced as a whole.
    """

    root: str
    home: str
    spark_conf: dict[str, str]
    java_home: str | None = None
    definitions: dict[str, str] = Field(default_factory=dict)
    _session: "SparkSession | None" = PrivateAttr(default=None)

    @classmethod
    def of(cls, settings: Settings, definitions: Mapping[str, str] | None = None) -> "Lake":
        java = str(settings.java_home) if settings.java_home else None
        return cls(
            root=settings.lake_root,
            home=str(settings.home),
            spark_conf=spark_config(settings),
            java_home=java,
            definitions=dict(definitions or {}),
        )

    @property
    def spark(self) -> "SparkSession":
        """The process's session, started at first use with the Java that `services.java` finds."""
        with _STARTING:
            if self._session is None:
                self._session = self._start()
        return self._session

    def _start(self) -> "SparkSession":
        from dagster_pyspark import LazyPySparkResource

        chosen = Path(self.java_home) if self.java_home else None
        java = spark_java_home(Path(self.home) / "java", chosen)
        fetch_jars(jars_folder(), java)
        give_main_module_a_file()
        use_this_python()
        os.environ.update(JAVA_HOME=str(java), SPARK_LOCAL_IP="127.0.0.1", TZ="UTC")
        session: SparkSession = LazyPySparkResource(spark_config=self.spark_conf).spark_session
        session.sparkContext.setLogLevel("ERROR")
        return session

    def path(self, key: str) -> str:
        return f"{self.root}/{key}"

    def exists(self, key: str) -> bool:
        from delta.tables import DeltaTable

        return DeltaTable.isDeltaTable(self.spark, self.path(key))

    def read(self, key: str) -> "DataFrame":
        """Raises ContractError if the table is of another definition than today's."""
        if self.is_of_other_definition(key):
            raise ContractError(
                f"{key} was made by another definition than today's.",
                f"Run `retention run`: it makes {key} and what follows from it anew.",
            )
        return self.read_as_stored(key)

    def read_as_stored(self, key: str, session: "SparkSession | None" = None) -> "DataFrame":
        """The table whatever its definition, for the asset that replaces it."""
        return (session or self.spark).read.format("delta").load(self.path(key))

    def read_version(self, key: str, version: int, session: "SparkSession") -> "DataFrame":
        """The table as it was after the commit of this number, whatever its definition."""
        reader = session.read.format("delta").option("versionAsOf", version)
        return reader.load(self.path(key))

    def overwrite(self, key: str, frame: "DataFrame") -> int:
        """Replaces the whole table in one commit, schema included. Returns the rows written."""
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        written = Observation()
        self._overwrite(key, frame.observe(written, F.count(F.lit(1)).alias("rows")))
        return int(written.get["rows"])

    def replace_days(
        self, key: str, frame: "DataFrame", column: str, *, first: date, last: date
    ) -> dict[date, int]:
        """Replaces the rows with `first <= column <= last` in one commit; other rows stay.

        Returns the rows written by day, counted while they are written; days without rows are
        absent. Delta refuses a frame that holds other days. A day's rows lie in one file, and a
        small table's year is one file, so a write costs the same for a day as for a year. Raises
        ContractError if other rows of another definition would stay.
        """
        from pyspark.sql import functions as F

        between = f"{column} >= '{first}' AND {column} <= '{last}'"
        written = CountsByNumber(frame, F.unix_date(column), (last - first).days + 1)
        self._replace_where(key, written.frame, column, between)
        return {EPOCH + timedelta(days=day): rows for day, rows in written.rows().items()}

    def replace_since(self, key: str, frame: "DataFrame", column: str, first: date) -> None:
        """Replaces the rows with `first <= column` in one commit, laid out as by `replace_days`;
        earlier rows stay. Delta refuses a frame that holds earlier days. Raises ContractError if
        rows of another definition would stay.
        """
        self._replace_where(key, frame, column, f"{column} >= '{first}'")

    def _replace_where(self, key: str, frame: "DataFrame", column: str, condition: str) -> None:
        laid_out = frame.repartition(column).sortWithinPartitions(column)
        if not self.exists(key):
            return self._overwrite(key, laid_out)
        if self.is_of_other_definition(key):
            others = self.read_as_stored(key).where(f"NOT ({condition})")
            if not others.isEmpty():
                raise ContractError(
                    f"{key} was made by another definition than today's, and some of its days "
                    "would stay as they are.",
                    f"Run `retention run`: it makes {key} and what follows from it anew.",
                )
            return self._overwrite(key, laid_out)
        writer = laid_out.write.format("delta").mode("overwrite")
        writer.option("replaceWhere", condition).save(self.path(key))
        return None

    def _overwrite(self, key: str, frame: "DataFrame") -> None:
        """The definition is named after its rows are there: a table that was left between the two
        is made anew.
        """
        writer = frame.write.format("delta").mode("overwrite")
        writer.option("overwriteSchema", "true").save(self.path(key))
        if definition := self.definitions.get(key):
            self.set_table_property(key, DEFINITION, definition)

    def table_property(self, key: str, name: str) -> str | None:
        """A property of the table; None if there is no such table or property."""
        return table_properties(self.root, key).get(name)

    def set_table_property(self, key: str, name: str, value: str) -> None:
        """Writes a property of the table, unless it is the same already."""
        if self.table_property(key, name) != value:
            set_table_properties(self.root, key, {name: value})

    def is_of_other_definition(self, key: str) -> bool:
        """False if one of the two definitions is not known."""
        definition = self.definitions.get(key)
        if definition is None:
            return False
        return self.table_property(key, DEFINITION) not in (None, definition)

    def delete_where(self, key: str, column: str, values: Sequence[str]) -> None:
        """Deletes the rows whose column has one of these values."""
        from delta.tables import DeltaTable
        from pyspark.sql import functions as F

        if self.exists(key):
            table = DeltaTable.forPath(self.spark, self.path(key))
            table.delete(F.col(column).isin(list(values)))

    def merge(self, key: str, frame: "DataFrame", on: Sequence[str]) -> int:
        """Makes the table hold exactly the frame's rows in one commit: rows are updated, inserted
        and deleted. Returns the rows that the table holds.
        """
        from delta.tables import DeltaTable

        if (
            not self.exists(key)
            or self.is_of_other_definition(key)
            or set(self.read(key).columns) != set(frame.columns)
        ):
            return self.overwrite(key, frame)
        same = " AND ".join(f"old.{name} = new.{name}" for name in on)
        changes = [f"NOT (old.`{n}` <=> new.`{n}`)" for n in frame.columns if n not in on]
        table = DeltaTable.forPath(self.spark, self.path(key)).alias("old")
        merge = table.merge(frame.alias("new"), same)
        merge = merge.whenMatchedUpdateAll(condition=" OR ".join(changes) or "false")
        merge.whenNotMatchedInsertAll().whenNotMatchedBySourceDelete().execute()
        return self.read(key).count()
