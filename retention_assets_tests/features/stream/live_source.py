"""A small simulated source whose last days are streamed, and the daily run that reads it."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq

from retention_assets import keys
from retention_assets.features.measures import available_measures
from retention_assets.features.store import FeatureStore
from retention_assets.features.tiles import daily_activity
from retention_assets.ingestion.stream.delivery import Line
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile
from retention_assets.validation.watermark import event_tables, find_watermark
from retention_assets_tests.ingestion.table_load import load_rows

TABLES = ("customers", "transactions", "engagement_events", "churn_events")
CUSTOMERS = 60
DAYS = 45
STREAMED_DAYS = 2
LAST_FILE = FIRST_DATE + timedelta(days=DAYS - STREAMED_DAYS - 1)
TODAY = LAST_FILE + timedelta(days=STREAMED_DAYS)
LAST = TODAY + timedelta(days=3)


def make_source(home: Path) -> tuple[Profile, list[Line]]:
    """Files up to LAST_FILE in a new home, and the lines that the stream delivers after them."""
    settings = Settings(home=home, source="simulated_live", simulated_days=DAYS)
    folder = settings.simulated_dir
    simulate(folder, customers=CUSTOMERS, days=DAYS, seed=11)
    profile = load_profile(settings)
    assert profile.stream is not None
    # Of the others no feature or state has a kind of its own.
    tables = {name: profile.tables[name] for name in TABLES}
    stream = profile.stream.model_copy(update={"tables": TABLES})
    profile = profile.model_copy(update={"tables": tables, "stream": stream})
    lines = []
    for file in sorted(folder.glob("*/*.parquet")):
        day = date.fromisoformat(file.stem)
        if day > LAST_FILE:
            if file.parent.name in TABLES:
                lines += lines_of_file(file, day)
            file.unlink()
    return profile, lines


def lines_of_file(file: Path, day: date) -> list[Line]:
    """The rows of a Parquet file as the stream delivers them."""
    return [
        line(file.parent.name, day, row, origin=file.name)
        for row in pq.read_table(file).to_pylist()
    ]


def line(table: str, day: date, row: dict[str, object], origin: str = "live.jsonl") -> Line:
    values = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }
    return Line(table, day, json.dumps(values), origin, delivered_at=0.0)


def run_daily(
    lake: Lake, profile: Profile, store: FeatureStore, today: date, last: date = LAST
) -> None:
    """What a daily run does, up to the online features, without Dagster."""
    first = min(load_rows(lake, profile, name, today, last=last) for name in profile.tables)
    measures = available_measures(profile.tables)
    tables = {name: lake.read(keys.validated(name)) for name in {item.table for item in measures}}
    tiles = daily_activity(tables, measures, first, last)
    lake.replace_days(keys.DAILY_ACTIVITY, tiles, "arrival_date", first=first, last=last)
    write_watermark(lake, profile.tables)
    store.create_feature_tables()
    store.publish_online()


def write_watermark(lake: Lake, tables: Iterable[str]) -> None:
    names = event_tables(list(tables))
    frames = {name: lake.read(keys.validated(name)) for name in names}
    day = find_watermark(frames, None).day
    lake.overwrite(keys.WATERMARK, lake.spark.createDataFrame([(day,)], "watermark date"))
