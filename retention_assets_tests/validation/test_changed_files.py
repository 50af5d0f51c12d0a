"""A source whose changed files replace what they said: a corrected cancellation, one that is taken
back, a corrected sign-up; states as of days before and after.
"""

from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pyspark.sql import functions as F

from retention_assets.features.customer_state import read_histories, states_as_of
from retention_assets.features.point_in_time import customers_as_of
from retention_assets.ingestion import assets as ingestion
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.validation import assets as validation
from retention_assets.validation.versions import read_facts
from retention_assets_tests.ingestion.table_load import load_table
from retention_assets_tests.ingestion.test_raw import materialize
from retention_assets_tests.runs import check_results, materialized
from retention_assets_tests.sources.test_load_profile import DAY

DAYS = [date(2024, 1, 4), date(2024, 1, 5), date(2024, 1, 6), date(2024, 1, 8)]


def table(folder: str, source: dict[str, str], **columns: str) -> dict[str, Any]:
    return {
        "path": f"{folder}/*.csv",
        "format": "csv",
        "day_from_filename": DAY,
        "changed_files": "replace",
        "source_columns": source,
        "columns": columns,
    }


TIMES = {"who": "string", "at": "timestamp"}
PROFILE: dict[str, Any] = {
    "start": "2024-01-01",
    "end": "2024-12-31",
    "churn": {"kind": "cancellation", "horizon_days": 30},
    "tables": {
        "customers": table("people", TIMES, customer_id="who", event_ts="at"),
        "churn_events": table(
            "left", TIMES, customer_id="who", event_ts="at", churn_type="'canceled'"
        ),
    },
}


def write_file(folder: Path, name: str, *lines: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(["who,at", *lines]) + "\n")


def states(lake: Lake, settings: Settings, days: list[date]) -> dict[tuple[str, int], tuple]:
    """Customer and day of January -> state and the day of January on which it began."""
    profile = Platform.of(settings).profile
    as_ofs = lake.spark.createDataFrame([(day,) for day in days], "as_of date")
    names = lake.spark.createDataFrame([("ann",), ("bob",), ("cid",)], "customer_id string")
    histories = read_histories(lake.read, profile)
    rows = states_as_of(names.crossJoin(as_ofs), histories, profile.churn).collect()
    return {(row[0], row[1].day): (row[2], row[3] and row[3].day) for row in rows}


def sign_ups(lake: Lake, days: list[date]) -> dict[int, int]:
    """Day of January -> day on which cid signed up, as it was known then."""
    known = customers_as_of(read_facts(lake.read, "customers"), days, ())
    of_cid = known.where(F.col("customer_id") == "cid").collect()
    return {row["as_of"].day: row["signup_date"].day for row in of_cid}


def test_changed_files_take_back_what_they_said(tmp_path: Path, own_lake: Lake) -> None:
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(PROFILE))
    settings = Settings(home=tmp_path / "home", source=str(tmp_path / "shop.yaml"), data_dir=None)
    people = [f"{name},2024-01-01 08:00:00" for name in ("ann", "bob")]
    write_file(tmp_path, "people/2024-01-02.csv", *people, "cid,2024-01-01 08:00:00")
    write_file(tmp_path, "people/2024-01-04.csv")
    lines = ["ann,2024-01-03 09:00:00", "bob,2024-01-03 09:00:00"]
    write_file(tmp_path, "left/2024-01-03.csv", *lines)
    write_file(tmp_path, "left/2024-01-04.csv")
    profile = Platform.of(settings).profile
    for name in profile.tables:
        load_table(own_lake, profile, name, date(2024, 1, 4))
    before = states(own_lake, settings, DAYS[:2])
    assert before == {
        ("ann", 4): ("left", 3), ("bob", 4): ("left", 3), ("cid", 4): ("active", 1),
        ("ann", 5): ("left", 3), ("bob", 5): ("left", 3), ("cid", 5): ("active", 1),
    }  # fmt: skip

    # Ann left a day earlier, Bob did not, and Cid signed up a day later.
    write_file(tmp_path, "people/2024-01-02.csv", *people, "cid,2024-01-02 08:00:00")
    write_file(tmp_path, "left/2024-01-03.csv", "ann,2024-01-02 09:00:00")
    for folder in ("people", "left"):
        write_file(tmp_path, f"{folder}/2024-01-06.csv")
    stages = (ingestion, validation)
    result = materialize(settings, own_lake, stages, first=date(2024, 1, 5))
    assert result.success and all(check_results(result).values())
    counts = materialized(result)["validated/churn_events"]
    assert (counts["rows_in"], counts["rows_of_run"], counts["rows_repeated"]) == (3, 3, 0)
    after = {
        ("ann", 6): ("left", 2), ("bob", 6): ("active", 1), ("cid", 6): ("active", 2),
        ("ann", 8): ("left", 2), ("bob", 8): ("active", 1), ("cid", 8): ("active", 2),
    }  # fmt: skip
    assert states(own_lake, settings, DAYS) == before | after
    assert sign_ups(own_lake, DAYS) == {4: 1, 5: 1, 6: 2, 8: 2}
