"""Tables whose changed files replace: what a file no longer says stops holding, unless another row
says it or an earlier version holds again.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import functions as F

from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets.validation.result import count_rows
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import content_of, split
from retention_assets.validation.versions import holds_at, with_replacement
from retention_assets_tests.validation.factories import make_row, raw_schema

Row = dict[str, Any]
TABLE = TABLES["churn_events"]
CANCELED_AT = datetime(2024, 1, 2, 9, tzinfo=UTC)
DAYS = range(4, 10)  # of January
REASONS: tuple[str, ...] = ("price", "moved", "quality")
RULES = rules_of(TABLE, date(2024, 1, 1))


def moment(day: int) -> datetime:
    return datetime(2024, 1, day, 23, tzinfo=UTC)


def make_line(
    customer: str, reason: str, day: int, file: str = "f", *, stated: int | None = None, **more: Any
) -> Row:
    """A cancellation of 2 January that arrives on a day of January. Without a reason it is broken:
    its type is unknown.
    """
    changes = {
        "customer_id": customer,
        "event_ts": CANCELED_AT,
        "reason": reason,
        "churn_type": "canceled" if reason else "paused",
        "raw_text": reason,
        "source_file": file,
        "ingested_ts": moment(day),
        "stated_ts": moment(stated or day),
        "arrival_date": date(2024, 1, day),
    }
    return make_row(TABLE, 0, changes | more)


def random_lines(customer: str, rng: random.Random) -> Iterator[Row]:
    """What two files say of a customer, as they change from day to day."""
    lines: dict[str, Counter[str]] = defaultdict(Counter)
    for day in DAYS:
        for file in ("f", "g"):
            if rng.random() < 0.5:
                continue
            now = Counter(rng.choices((*REASONS, ""), k=rng.choice([0, 0, 1, 1, 2])))
            for reason in (lines[file] - now).elements():
                yield make_line(customer, reason, day, file, is_gone=True)
            for reason in (now - lines[file]).elements():
                stated = rng.choice([day, day, rng.randrange(3, day + 1)])
                yield make_line(customer, reason, day, file, stated=stated)
            lines[file] = now


def reason_that_holds(lines: Iterable[Row], day: int) -> str | None:
    """Of one customer at the end of a day, by the definition. Each line has its `content`."""
    arrivals = defaultdict(list)
    losses: Counter[tuple] = Counter()
    for line in lines:
        if line["arrival_date"].day <= day:
            place = (line["source_file"], line["reason"])
            if line["is_gone"]:
                losses[place] += 1
            else:
                arrivals[place].append((line["ingested_ts"], line["stated_ts"], line["content"]))
    counting = [
        (stated, ingested, content, reason)
        for (file, reason), moments in arrivals.items()
        for ingested, stated, content in sorted(moments)[losses[file, reason] :]
        if reason
    ]
    return max(counting)[-1] if counting else None


def test_reads_give_what_the_files_said_then(lake: Lake) -> None:
    rng = random.Random(7)
    rows = [row for number in range(120) for row in random_lines(f"c{number}", rng)]
    frame = lake.spark.createDataFrame(rows, raw_schema(TABLE)).persist()
    names = ("customer_id", "reason", "source_file", "arrival_date", "is_gone")
    collected = frame.select(*names, "ingested_ts", "stated_ts", content_of(frame).alias("content"))
    by_customer = defaultdict(list)
    for row in collected.collect():
        by_customer[row["customer_id"]].append(row.asDict())
    parts = split(frame, TABLE.key, RULES, replaces=True)
    valid = parts.valid.persist()
    counts = count_rows(parts)
    broken = sum(1 for row in rows if not row["reason"] and not row["is_gone"])
    by_reason = counts.rows_by_reason
    assert by_reason["churn_type must be one of canceled, lapsed"] == broken > 0
    assert valid.count() + sum(by_reason.values()) + counts.repeats == len(rows)

    midnights = [(datetime(2024, 1, day + 1, tzinfo=UTC),) for day in DAYS]
    as_ofs = lake.spark.createDataFrame(midnights, "midnight timestamp")
    facts = with_replacement(valid, TABLE.key).crossJoin(as_ofs)
    holding = facts.where(holds_at(F.col("midnight"))).select("customer_id", "midnight", "reason")
    assert sorted((row[0], row[1].day - 1, row[2]) for row in holding.collect()) == sorted(
        (customer, day, reason)
        for customer, lines in by_customer.items()
        for day in DAYS
        if (reason := reason_that_holds(lines, day))
    )

    # A run over the last days takes what it needs from those before.
    cut = F.lit(date(2024, 1, 7))
    later = split(
        frame.where(F.col("arrival_date") >= cut),
        TABLE.key,
        RULES,
        frame.where(F.col("arrival_date") < cut),
        replaces=True,
    )
    compared = [name for name in valid.columns if name not in ("row_fault", "parse_errors")]
    of_whole = valid.where(F.col("arrival_date") >= cut).select(*compared)
    assert sorted(map(str, later.valid.select(*compared).collect())) == sorted(
        map(str, of_whole.collect())
    )
    for item in (parts, later):
        item.release()


def test_loss_is_a_fact_only_where_it_changes_what_holds(lake: Lake) -> None:
    rows = [
        # Removed: it stops holding.
        make_line("removed", "price", 5),
        make_line("removed", "price", 6, is_gone=True),
        # Another file says the same: nothing changes.
        make_line("said twice", "price", 5, "f"),
        make_line("said twice", "price", 5, "g"),
        make_line("said twice", "price", 6, "f", is_gone=True),
        # The file says something else instead: a correction.
        make_line("corrected", "price", 5),
        make_line("corrected", "price", 6, is_gone=True),
        make_line("corrected", "moved", 6),
        # What the other file said before holds again.
        make_line("said before", "price", 5, "f"),
        make_line("said before", "moved", 6, "g"),
        make_line("said before", "moved", 7, "g", is_gone=True),
        # It comes back after it was removed.
        make_line("returns", "price", 5),
        make_line("returns", "price", 6, is_gone=True),
        make_line("returns", "price", 7),
        # Stated before the row that leaves with its arrival.
        make_line("stated before", "price", 5),
        make_line("stated before", "price", 6, is_gone=True),
        make_line("stated before", "moved", 6, stated=4),
    ]
    parts = split(
        lake.spark.createDataFrame(rows, raw_schema(TABLE)), TABLE.key, RULES, replaces=True
    )
    histories = defaultdict(list)
    for row in parts.valid.orderBy("ingested_ts").collect():
        history = (row["arrival_date"].day, None if row["is_gone"] else row["reason"])
        histories[row["customer_id"]].append((*history, row["is_correction"]))
    assert histories == {
        "removed": [(5, "price", False), (6, None, True)],
        "said twice": [(5, "price", False)],
        "corrected": [(5, "price", False), (6, "moved", True)],
        "said before": [(5, "price", False), (6, "moved", True), (7, "price", True)],
        "returns": [(5, "price", False), (6, None, True), (7, "price", False)],
        "stated before": [(5, "price", False), (6, "moved", True)],
    }
    assert parts.broken.isEmpty() and count_rows(parts).repeats == 4
    parts.release()
