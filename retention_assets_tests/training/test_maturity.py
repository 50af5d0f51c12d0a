"""Labels mature as far as the table that says who left has been delivered, and no further.

A shop with a horizon of 30 days, a gap of 7 and a reporting lag of 7: a label is final 44 days
after its Monday. Orders go on until 29 April, cancellations are delivered until 10 March.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest
from pyspark.sql import DataFrame

from retention_assets import keys
from retention_assets.automation import backlog
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.partitions import partitions_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import READ, Ledger, LedgerEntry
from retention_assets.sources.profile import Profile
from retention_assets.training import assets as training
from retention_assets.training.maturity import Delivery, reading_day
from retention_assets.validation.assets import watermark

START = date(2024, 1, 1)
LAST = date(2024, 4, 29)
# Customer -> the last of the weekly orders.
ORDERS = {"ann": LAST, "bob": date(2024, 2, 5), "cid": date(2024, 3, 4)}
NAMES = ("customers", "transactions", "churn_events")
COLUMNS = ("customer_id", "event_ts", "ingested_ts", "kind", "amount", "order_id", "transaction_id")
TABLE = {"path": "*", "columns": {name: name for name in COLUMNS}}
BACKFILL = backlog.range_tags(date(2024, 1, 8), date(2024, 4, 29))


class Shop:
    """Three customers who order weekly, on the tables and the ledger of a real lake."""

    def __init__(self, lake: Lake, home: Path) -> None:
        profile = Profile.model_validate(
            {
                "name": "shop",
                "start": START,
                "end": date(2024, 12, 31),
                "churn": {"kind": "cancellation", "horizon_days": 30, "reporting_lag_days": 7},
                "tables": dict.fromkeys(NAMES, TABLE),
            }
        )
        settings = Settings(home=home, lake_uri=lake.root, gap_days=7, min_history_days=7)
        self.platform = Platform(settings, profile, partitions_of(START, profile.end))
        self.lake = lake
        self.instance = dg.DagsterInstance.ephemeral()
        weeks = [START + timedelta(days=day) for day in range(0, (LAST - START).days + 1, 7)]
        self.write("customers", [(name, START, START) for name in ORDERS])
        orders = [(name, day, day) for name, last in ORDERS.items() for day in weeks if day <= last]
        sales = self.write("transactions", orders)
        measures = available_measures(profile.tables)
        tiles = daily_activity({"transactions": sales}, measures, START, LAST)
        lake.overwrite(keys.DAILY_ACTIVITY, tiles)
        self.deliver("transactions", LAST)

    def write(self, table: str, rows: Sequence[tuple[str, date, date]]) -> DataFrame:
        """Writes validated/<table>: who did it on which day, and when it was known. Each day's rows
        are in a file of that day.
        """
        frame = self.lake.spark.createDataFrame(rows, "customer_id string, day date, known date")
        frame = frame.selectExpr(
            "customer_id", "day + INTERVAL 9 HOURS event_ts",
            "known + INTERVAL 9 HOURS ingested_ts", "known + INTERVAL 9 HOURS stated_ts",
            "known arrival_date", "false is_correction", "false is_gone", "'sale' kind",
            "5D amount", "uuid() order_id", "uuid() transaction_id",
            f"'{table}/' || day source_file",
        )  # fmt: skip
        self.lake.overwrite(keys.validated(table), frame)
        return self.lake.read(keys.validated(table))

    def deliver(self, table: str, through: date) -> None:
        """The ledger has one more file of the table, of that day."""
        path = f"{table}/{through}"
        entry = LedgerEntry(table, path, 1, READ, through, 1, 1, "reading", "run", through=through)
        Ledger(self.platform.settings.lake_root).add([entry])

    def cancel(self, *rows: tuple[str, date], through: date, known: date | None = None) -> None:
        """Cancellations of these days, in files that came in time or else were `known` on one day;
        and a file of the day `through`, which may be empty.
        """
        self.write("churn_events", [(who, day, known or day) for who, day in rows])
        for day in {day for _, day in rows} | {through}:
            self.deliver("churn_events", day)
        tables = [TABLES[name] for name in NAMES]
        self.materialize(watermark(self.platform, tables))

    def fill_weeks(self, tags: dict[str, str]) -> None:
        examples, *_ = training.assets(self.platform)
        self.materialize(examples, tags)

    def materialize(self, asset: dg.AssetsDefinition, tags: dict[str, str] | None = None) -> None:
        dg.materialize([asset], resources={"lake": self.lake}, instance=self.instance, tags=tags)

    def examples(self) -> dict[date, dict[str, int]]:
        """Monday -> customer -> label."""
        weeks: dict[date, dict[str, int]] = {}
        for row in self.lake.read(keys.CHURN_EXAMPLES).collect():
            weeks.setdefault(row["as_of"], {})[row["customer_id"]] = row["label"]
        return weeks

    def weeks_to_fill(self) -> list[date]:
        return backlog.weeks_to_fill(self.platform, self.instance)


@pytest.fixture
def shop(own_lake: Lake, tmp_path: Path) -> Shop:
    return Shop(own_lake, tmp_path / "home")


def mondays(*days: tuple[int, int]) -> list[date]:
    return [date(2024, month, day) for month, day in days]


def test_labels_wait_until_the_table_of_leavers_goes_on(shop: Shop) -> None:
    """Orders go on while cancellations have stopped, so weeks after that have no labels, not zeros.
    A backfill of all weeks makes only those that have matured, and the others run later.
    """
    stay = {"ann": 0, "bob": 0, "cid": 0}
    shop.cancel(through=date(2024, 3, 10))
    matured = mondays((1, 8), (1, 15), (1, 22))
    assert shop.weeks_to_fill() == matured
    shop.fill_weeks(BACKFILL)
    assert shop.examples() == dict.fromkeys(matured, stay)
    assert shop.weeks_to_fill() == []

    shop.cancel(("bob", date(2024, 3, 5)), ("cid", date(2024, 3, 12)), through=date(2024, 3, 26))
    new = mondays((1, 29), (2, 5), (2, 12))
    assert shop.weeks_to_fill() == new
    shop.fill_weeks(BACKFILL)
    assert shop.examples() == {
        **dict.fromkeys(matured, stay),
        new[0]: {"ann": 0, "bob": 1, "cid": 0},
        new[1]: {"ann": 0, "bob": 1, "cid": 1},
        new[2]: {"ann": 0, "bob": 1, "cid": 1},
    }
    assert shop.weeks_to_fill() == []


def test_empty_file_says_that_nobody_left(shop: Shop) -> None:
    """Days without a cancellation are normal in a small shop."""
    shop.cancel(("bob", date(2024, 1, 10)), through=date(2024, 1, 10))
    assert shop.weeks_to_fill() == []
    shop.cancel(("bob", date(2024, 1, 10)), through=LAST)
    assert shop.weeks_to_fill()[-1] == date(2024, 3, 11)


def test_labels_are_read_when_a_late_feed_has_caught_up(shop: Shop) -> None:
    """Cancellations stop after 10 January; on 20 March those of two months come at once."""
    caught_up = date(2024, 3, 20)
    shop.cancel(
        ("bob", date(2024, 2, 12)), ("cid", date(2024, 3, 5)), through=caught_up, known=caught_up
    )
    shop.fill_weeks(BACKFILL)
    observed = shop.lake.read(keys.CHURN_EXAMPLES).select("as_of", "label_observed_at").distinct()
    assert dict(observed.orderBy("as_of").collect()) == {
        date(2024, 1, 8): caught_up + timedelta(days=1),  # final on 21 February
        date(2024, 1, 15): caught_up + timedelta(days=1),
        date(2024, 1, 22): caught_up + timedelta(days=1),
        date(2024, 1, 29): caught_up + timedelta(days=1),
        date(2024, 2, 5): caught_up + timedelta(days=1),  # final on 20 March
    }
    ends = {date(2024, 1, 8): (1, 0), date(2024, 1, 22): (1, 0), date(2024, 1, 29): (1, 1)}
    for monday, (bob, cid) in ends.items():
        assert shop.examples()[monday] == {"ann": 0, "bob": bob, "cid": cid}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], 20),
        ([(18, 18)], 20),
        ([(10, 25), (18, 18)], 26),
        ([(19, 19), (20, 20)], 20),
        ([(19, 20), (20, 21)], 21),  # stamped on the morning after
        ([(18, 18), (28, 28)], 29),  # nobody left in between
        ([(18, 27), (19, 27), (20, 27)], 28),
        ([(18, 18), (19, 25), (28, 28)], 26),
    ],
)
def test_label_is_read_when_its_table_is_delivered(
    files: list[tuple[int, int]], expected: int
) -> None:
    """It is final on the 20th, so the table has to be delivered through the 19th."""
    read = [Delivery(date(2024, 1, through), date(2024, 1, day)) for through, day in files]
    assert reading_day(date(2024, 1, 20), read) == date(2024, 1, expected)
