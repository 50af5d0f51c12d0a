"""Random histories of deliveries: whatever comes when, every read as of a day gives what was known
then, closed days stay as they are, and no row is lost.
"""

import random
from collections import Counter, defaultdict
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import functions as F

from retention_assets.features.measures import available_measures
from retention_assets.features.point_in_time import known_at
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.split import content_of
from retention_assets.validation.versions import read_facts
from retention_assets_tests.ingestion.deliveries import (
    START,
    Kind,
    Line,
    Row,
    Shop,
    activity,
    known_rows,
    profile_of,
    random_lines,
    summed_tiles,
)
from retention_assets_tests.ingestion.table_load import load_table

MEASURES = available_measures({"transactions": TABLES["transactions"].column_names})
RAW = "raw/transactions"
VALIDATED = "validated/transactions"
QUARANTINE = "quarantine/transactions"
TILES = "features/daily_activity"
KEYS = (RAW, VALIDATED, QUARANTINE, TILES)
HISTORIES = [
    pytest.param(kind, seed, marks=pytest.mark.long)
    for seed in range(1, 4)
    for kind in ("dated", "stamped", "undated")
]
pytestmark = pytest.mark.timeout(900)


def test_late_and_changed_deliveries_lose_nothing(own_lake: Lake, tmp_path: Path) -> None:
    check_history(own_lake, tmp_path, "dated", seed=0, runs=(5, 9))


@pytest.mark.parametrize(("kind", "seed"), HISTORIES)
def test_reads_give_what_was_known_then(
    own_lake: Lake, tmp_path: Path, kind: Kind, seed: int
) -> None:
    check_history(own_lake, tmp_path, kind, seed=seed, runs=(4, 6, 9))


def check_history(
    lake: Lake, folder: Path, kind: Kind, *, seed: int, runs: tuple[int, ...]
) -> None:
    """Loads what the shop delivers until each of these days of January, and checks all reads."""
    (folder / "shop.yaml").write_text(yaml.safe_dump(profile_of(kind)))
    (folder / "orders").mkdir()
    settings = Settings(home=folder / "home", source=str(folder / "shop.yaml"), data_dir=None)
    shop = Shop(kind, random.Random(seed))
    shop.work_until(2)
    shop.write(folder / "orders")
    profile = Platform.of(settings).profile
    before: dict[str, list[Row]] = {key: [] for key in KEYS}
    for day in runs:
        shop.work_until(day)
        shop.write(folder / "orders")
        today = START + timedelta(days=day - 1)
        first_open = load_table(lake, profile, "transactions", today)
        after = {key: rows_of(lake, key) for key in KEYS}
        for key in KEYS:
            assert closed_rows(after[key], first_open) == closed_rows(before[key], first_open), key
        check_files(shop, after[RAW])
        check_reads(lake, after, today)
        before = after


@pytest.mark.long
@pytest.mark.parametrize("kind", ["dated", "stamped"])
def test_splitting_of_deliveries_changes_no_current_state(
    own_lake: Lake, tmp_path: Path, kind: Kind
) -> None:
    """A file a day, all read at once; and two files a day, read in two runs: of dated rows in the
    order of their days, of stamped ones in any order.
    """
    rng = random.Random(5)
    lines = random_lines(kind, rng)
    whole = {f"2024-01-{day:02}.csv": of_day for day, of_day in lines.items()}
    parts = {
        f"{part}-2024-01-{day:02}.csv": of_day[start::2]
        for day, of_day in lines.items()
        for start, part in enumerate("ab")
    }
    in_order = list(parts)
    if kind == "stamped":
        rng.shuffle(in_order)
    half = len(parts) // 2
    runs = [{name: parts[name] for name in names} for names in (in_order[:half], in_order[half:])]
    at_once = current_state(own_lake, tmp_path / "whole", kind, [whole])
    assert current_state(own_lake, tmp_path / "parts", kind, runs) == at_once
    assert at_once[0] and at_once[1]


def current_state(
    lake: Lake, folder: Path, kind: Kind, runs: list[dict[str, list[Line]]]
) -> tuple[list[tuple], dict]:
    """The orders that hold and the sums of the tiles, after the files of these runs were read."""
    (folder / "orders").mkdir(parents=True)
    (folder / "shop.yaml").write_text(yaml.safe_dump(profile_of(kind)))
    settings = Settings(home=folder / "home", source=str(folder / "shop.yaml"), data_dir=None)
    new = Lake(root=str(folder / "lake"), home=lake.home, spark_conf=lake.spark_conf)
    new._session = lake.spark
    shop = Shop(kind, random.Random(0))
    for number, files in enumerate(runs, start=1):
        shop.files |= files
        shop.write(folder / "orders")
        today = START + timedelta(days=9 + number)
        load_table(new, Platform.of(settings).profile, "transactions", today)
    facts = read_facts(new.read, "transactions").where("replaced_on IS NULL")
    names = ("transaction_id", "order_id", "customer_id", "event_ts", "kind", "amount")
    orders = sorted(map(tuple, facts.select(*names).collect()))
    return orders, dict(summed_tiles(rows_of(new, TILES), date(2025, 1, 1)))


def rows_of(lake: Lake, key: str) -> list[Row]:
    frame = lake.read(key)
    if key.startswith("raw/"):
        frame = frame.withColumn("content", content_of(frame.drop("is_gone")))
    return [row.asDict() for row in frame.collect()]


def closed_rows(rows: list[Row], first_open: date) -> Counter[str]:
    """The rows that arrived before a day, in no order."""
    return Counter(str(sorted(row.items())) for row in rows if row["arrival_date"] < first_open)


def check_files(shop: Shop, raw: list[Row]) -> None:
    """Of each file, the rows that came less those that left are the lines that it has."""
    stored: Counter[Any] = Counter()
    for row in raw:
        line = (row["source_file"], row["transaction_id"], row["order_id"], row["amount"])
        stored[line] += -1 if row["is_gone"] else 1
    present = {f"orders/{name}": lines for name, lines in shop.files.items()}
    of_present = {line: count for line, count in stored.items() if line[0] in present}
    assert +Counter(of_present) == Counter(
        (name, line.key, line.order, line.amount)
        for name, lines in present.items()
        for line in lines
    )


def check_reads(lake: Lake, tables: dict[str, list[Row]], today: date) -> None:
    """At each day: the rows that hold, and the sums of the tiles."""
    days = [START + timedelta(days=number) for number in range(1, (today - START).days + 2)]
    as_ofs = lake.spark.createDataFrame([(day,) for day in days], "as_of date")
    facts = read_facts(lake.read, "transactions").crossJoin(as_ofs)
    holding = defaultdict(list)
    for row in facts.where(known_at(F.col("as_of"), F.col("as_of"))).collect():
        holding[row["as_of"]].append((row["transaction_id"], row["amount"]))
    for day in days:
        expected = known_rows(tables[RAW], day)
        rows = [(row["transaction_id"], row["amount"]) for row in expected]
        assert sorted(holding[day]) == sorted(rows)
        assert dict(summed_tiles(tables[TILES], day)) == activity(expected)
