"""The rows of training/churn_examples for given weeks, from the lake's tables.

A week has one as-of day, its Monday. Where labels are given, it has the as-of days of the labels.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.customer_state import read_histories
from retention_assets.features.engine_spark import compute_features
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.sources.ledger import LedgerContent
from retention_assets.sources.profile import CHURN_TABLE, Profile
from retention_assets.training.columns import example_features
from retention_assets.training.labels import as_of_day, labels
from retention_assets.training.maturity import Delivery, deliveries, reading_day
from retention_assets.validation.versions import read_facts

if TYPE_CHECKING:
    import pyarrow as pa


def weekly_examples(
    read: Callable[[str], DataFrame],
    profile: Profile,
    window: LabelWindow,
    weeks: Sequence[date],
    *,
    files: Sequence[Delivery] = (),
) -> DataFrame:
    """Features and label of every customer who can leave in these weeks, named by their Mondays.

    `read`: asset key -> frame. `files`: of the table that labels are read from. Without as-of days
    the frame is empty and has its columns.
    """
    churn = profile.churn
    outcomes = read_facts(read, "churn_labels") if churn.kind == "label" else None
    contacts = read_facts(read, "campaign_contacts") if profile.has("campaign_contacts") else None
    as_ofs = list(weeks) if outcomes is None else _labeled_days(outcomes, weeks)
    vectors = compute_features(
        read(keys.DAILY_ACTIVITY),
        read_facts(read, "customers"),
        as_ofs or [profile.start],  # any day gives the columns of the empty table
        example_features(profile),
        profile.start,
    )
    customers = read_histories(read, profile)
    final = {day: day + timedelta(days=window.observed_after_days) for day in as_ofs}
    labeled = labels(
        vectors,
        window,
        churn,
        customers=customers,
        outcomes=outcomes,
        contacts=contacts,
        read_on={day: reading_day(final[day], files) for day in as_ofs},
    )
    rows = vectors.join(labeled, ["customer_id", "as_of"])
    return rows if as_ofs else rows.where(F.lit(False))


def read_deliveries(
    read: Callable[[str], DataFrame], profile: Profile, content: LedgerContent
) -> Sequence[Delivery]:
    """The files of the table that says who left. Given labels wait for no file: each is a row."""
    table = CHURN_TABLE[profile.churn.kind]
    if profile.churn.kind == "label":
        return []
    rows = read(keys.validated(table)).groupBy("source_file").agg(F.min("arrival_date"))
    return deliveries(content, table, dict(rows.collect()))


def read_known(key: str, read: Callable[[str], DataFrame], as_of: date | None) -> DataFrame:
    """The frame of an asset; of the examples, only those whose label was final by `as_of`. None:
    all there are.
    """
    frame = read(key)
    if as_of is None or key != keys.CHURN_EXAMPLES:
        return frame
    return frame.where(F.col("label_observed_at") <= F.lit(as_of))


def arrow_reader(
    read: Callable[[str], DataFrame], as_of: date | None
) -> Callable[[str], "pa.Table"]:
    """What `read_known` reads, as Arrow tables by asset key."""
    return lambda key: read_known(key, read, as_of).toArrow()


def rows_by_week(rows_by_day: Mapping[date, int]) -> dict[date, int]:
    """Monday -> rows of its week."""
    rows: Counter[date] = Counter()
    for day, count in rows_by_day.items():
        rows[day - timedelta(days=day.weekday())] += count
    return dict(rows)


def _labeled_days(outcomes: DataFrame, weeks: Sequence[date]) -> list[date]:
    """The as-of days of the given outcomes in these weeks; at most seven a week."""
    monday = F.to_date(F.date_trunc("week", "event_ts"))
    days = outcomes.where(monday.isin(list(weeks))).select(as_of_day().alias("as_of")).distinct()
    return [row["as_of"] for row in days.collect()]
