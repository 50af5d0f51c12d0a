"""What the daily assets of one table do in a run, without Dagster, checks and suites."""

from datetime import date

from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.ingestion.assets import store_delivery
from retention_assets.ingestion.delivery import RunDays, delivery_entries, plan_delivery
from retention_assets.ingestion.file_counts import counts_by_file_and_day, stored_by_file
from retention_assets.resources.lake import Lake
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import Ledger
from retention_assets.sources.profile import Profile
from retention_assets.validation.rules import REPEAT, VERSION, rules_of
from retention_assets.validation.split import split

LAST = date(2024, 1, 31)


def load_table(lake: Lake, profile: Profile, name: str, today: date) -> date:
    """Reads what is new of a table, as its assets do in one run up to a day of January 2024.
    Returns its first open day. The tiles are those of transactions alone.
    """
    first = load_rows(lake, profile, name, today, last=LAST)
    if name == "transactions":
        measures = available_measures({name: TABLES[name].column_names})
        tiles = daily_activity({name: lake.read(keys.validated(name))}, measures, first, LAST)
        lake.replace_days(keys.DAILY_ACTIVITY, tiles, "arrival_date", first=first, last=LAST)
    return first


def load_rows(lake: Lake, profile: Profile, name: str, today: date, *, last: date) -> date:
    """Makes raw, validated and quarantined rows up to `last` from the files up to `today`. Returns
    the table's first open day.
    """
    table = TABLES[name]
    ledger = Ledger(lake.root)
    content = ledger.content()
    run = RunDays(profile.start, today, today)
    delivery = plan_delivery(profile, name, content, run=run, patience_days=7)
    assert delivery
    first = delivery.days.first
    rows_read = store_delivery(lake, profile, name, delivery)
    raw = lake.read(keys.raw(name))
    is_open = F.col("arrival_date") >= F.lit(first)
    counts = counts_by_file_and_day(raw, since=first, paths=delivery.compared)
    stored = stored_by_file(counts, rows_read, first_open=first, last_complete=today)
    entries = delivery_entries(profile, name, delivery, content, run_id=str(today), stored=stored)
    is_derived = profile.tables[name].derive is not None
    for entry in entries:
        assert entry.is_stored_whole and (entry.rows_read is None) == is_derived
    ledger.add(entries)

    replaces = profile.tables[name].replaces
    supplied = raw if replaces else raw.where("NOT is_gone")
    rules = rules_of(table, profile.start)
    earlier = supplied.where(~is_open)
    parts = split(supplied.where(is_open), table.key, rules, earlier, replaces=replaces)
    repeats = parts.marked.where(F.col(VERSION) == REPEAT).count()
    frames = {keys.validated(name): parts.valid, keys.quarantine(name): parts.broken}
    rows = [
        lake.replace_days(key, frame, "arrival_date", first=first, last=last)
        for key, frame in frames.items()
    ]
    of_run = repeats + sum(count for by_day in rows for count in by_day.values())
    assert supplied.where(is_open).count() == of_run, "no row is lost"
    parts.release()
    return first
