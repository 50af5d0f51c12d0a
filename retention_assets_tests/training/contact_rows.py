"""Rows of campaign contacts from short facts."""

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets_tests.features.factories import Fact, fact_rows


def decisions(spark: SparkSession, facts: Mapping[str, Sequence[Fact]]) -> DataFrame:
    """Contacts (`treated`) and those left out (`held out`), with a propensity after either, such as
    `treated .5`. Other facts are ignored.
    """
    rows = fact_rows(spark, facts).where("kind LIKE 'treated%' OR kind LIKE 'held out%'")
    propensity = F.regexp_extract("kind", r"[.\d]+$", 0).try_cast("double")
    is_treated = F.col("kind").startswith("treated")
    return rows.withColumns({"treated": is_treated, "propensity": propensity})
