"""Which rows of a reading are new: those that an earlier version of their file lacks, and those by
which a customer is seen for the first time.
"""

from datetime import UTC, date, datetime

from retention_assets.ingestion.arrival_times import changed_rows, first_sights
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets_tests.validation.factories import make_row, raw_schema

CUSTOMERS = TABLES["customers"]
TICKETS = TABLES["support_tickets"]
START = date(2024, 1, 1)


def sight(customer: str, day: int, arrives: int, country: str) -> dict:
    times = {
        "event_ts": datetime(2024, 1, day, 10, tzinfo=UTC),
        "stated_ts": datetime(2024, 1, arrives, 12, tzinfo=UTC),
        "ingested_ts": datetime(2024, 1, arrives, 12, tzinfo=UTC),
        "arrival_date": date(2024, 1, arrives),
    }
    text = {"raw_text": f"{customer} {day} {country}"}
    return make_row(CUSTOMERS, 0, {"customer_id": customer, "country": country} | times | text)


def sights(lake: Lake, rows: list[dict], known: list[dict] | None = None) -> list[tuple]:
    schema = raw_schema(CUSTOMERS)
    stored = lake.spark.createDataFrame(known, schema) if known else None
    firsts = first_sights(lake.spark.createDataFrame(rows, schema), stored, START)
    return sorted(
        (row["customer_id"], row["country"], row["event_ts"].day, row["arrival_date"].day)
        for row in firsts.collect()
    )


ROWS = [
    sight("ann", 5, 5, "UK"),
    sight("bob", 6, 6, "FR"),
    sight("bob", 6, 6, "DE"),
    sight("ann", 7, 7, "ES"),
    sight("ann", 3, 7, "IT"),  # known on the 7th only
    sight("cid", 9, 7, "UK"),  # later than it arrived
    sight("dan", 8, 8, "UK") | {"event_ts": datetime(1970, 1, 1, tzinfo=UTC)},
]


def test_earlier_sight_adds_a_row_when_it_arrives(lake: Lake) -> None:
    expected = [("ann", "IT", 3, 7), ("ann", "UK", 5, 5), ("bob", "DE", 6, 6)]
    assert sights(lake, ROWS) == expected


def test_sights_in_two_readings_equal_those_in_one(lake: Lake) -> None:
    until_sixth = [row for row in ROWS if row["arrival_date"].day <= 6]
    later = [row for row in ROWS if row["arrival_date"].day > 6]
    stored = [sight("ann", 5, 5, "UK"), sight("bob", 6, 6, "DE")]
    assert sights(lake, until_sixth) + sights(lake, later, stored) == [
        ("ann", "UK", 5, 5),
        ("bob", "DE", 6, 6),
        ("ann", "IT", 3, 7),
    ]


def changes(lake: Lake, read: list[dict], stored: list[dict], *, is_stamped: bool) -> list[tuple]:
    """File, text, severity, whether it is gone, days of January of the statement and arrival."""
    after, before = (
        lake.spark.createDataFrame(
            [make_row(TICKETS, 0, {"customer_id": "ann"} | row) for row in rows],
            raw_schema(TICKETS),
        )
        for rows in (read, stored)
    )
    first_open = date(2024, 1, 9)
    changed = changed_rows(
        after, before, "support_tickets", first_open=first_open, is_stamped=is_stamped
    )
    return sorted(
        (
            row["source_file"],
            row["raw_text"],
            row["severity"],
            row["is_gone"],
            row["stated_ts"].day,
            row["arrival_date"].day,
        )
        for row in changed.collect()
    )


LATER = {"ingested_ts": datetime(2024, 1, 9, tzinfo=UTC), "arrival_date": date(2024, 1, 9)}


def test_only_rows_new_in_the_file_are_left(lake: Lake) -> None:
    """As many copies of a row are stored, so many are taken; whenever they arrived."""
    same = {"ticket_id": "1", "source_file": "a.csv"}
    broken = {"source_file": "a.csv", "parse_errors": ["satisfaction"], "satisfaction": None}
    stored = [same, broken | {"raw_text": "good"}]
    read = [
        same | LATER,
        same | LATER | {"raw_text": "written in another way"},
        {"ticket_id": "1", "source_file": "b.csv"},
        {"ticket_id": "1", "source_file": "a.csv", "severity": "high"},
        broken | {"raw_text": "good"},
        broken | {"raw_text": "bad"},
    ]
    assert changes(lake, read, stored, is_stamped=True) == [
        ("a.csv", "bad", "low", False, 5, 5),
        ("a.csv", "source text", "high", False, 5, 5),
        ("a.csv", "written in another way", "low", False, 5, 9),
        ("b.csv", "source text", "low", False, 5, 5),
    ]


def test_a_file_is_compared_with_its_version_before(lake: Lake) -> None:
    """It said low, then high: what it says now is new, and is stated by the change."""
    low = {"ticket_id": "1", "source_file": "a.csv", "raw_text": "low"}
    high = low | {"severity": "high", "raw_text": "high"}
    new_file = low | LATER | {"source_file": "b.csv"}
    stored = [low, low | {"is_gone": True}, high]
    assert changes(lake, [low | LATER, new_file], stored, is_stamped=False) == [
        ("a.csv", "high", "high", True, 9, 9),
        ("a.csv", "low", "low", False, 9, 9),
        ("b.csv", "low", "low", False, 5, 9),
    ]
    assert changes(lake, [high | LATER], stored, is_stamped=False) == []
