"""Which rows of a reading are new: those that an earlier version of their file lacks, and those by
which a customer is seen for the first time.
"""

from datetime import UTC, date, datetime

from retention_assets.ingestion.arrival_times import first_sights, without_stored
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


def test_only_rows_new_in_the_file_are_left(lake: Lake) -> None:
    """As many copies of a row are stored, so many are taken; whenever they arrived."""
    same = {"ticket_id": "1", "source_file": "a.csv"}
    broken = {"source_file": "a.csv", "parse_errors": ["satisfaction"], "satisfaction": None}
    later = {"ingested_ts": datetime(2024, 1, 9, tzinfo=UTC), "arrival_date": date(2024, 1, 9)}
    stored = [same, broken | {"raw_text": "good"}]
    read = [
        same | later,
        same | later | {"raw_text": "written in another way"},
        {"ticket_id": "1", "source_file": "b.csv"},
        {"ticket_id": "1", "source_file": "a.csv", "severity": "high"},
        broken | {"raw_text": "good"},
        broken | {"raw_text": "bad"},
    ]
    frames = [
        lake.spark.createDataFrame(
            [make_row(TICKETS, 0, {"customer_id": "ann"} | changes) for changes in rows],
            raw_schema(TICKETS),
        )
        for rows in (read, stored)
    ]
    new = without_stored(frames[0], frames[1], "support_tickets").collect()
    assert sorted((row["source_file"], row["severity"], row["raw_text"]) for row in new) == [
        ("a.csv", "high", "source text"),
        ("a.csv", "low", "bad"),
        ("a.csv", "low", "written in another way"),
        ("b.csv", "low", "source text"),
    ]
