"""The rows of training/churn_examples for some as-of weeks, from the lake's tables. Frames in, a frame out."""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_spark import compute_features
from retention_assets.sources.profile import CHURN_TABLE, Profile
from retention_assets.training.labels import Window, labels


def weekly_examples(
    read: Callable[[str], DataFrame], profile: Profile, gap_days: int, weeks: Sequence[date]
) -> DataFrame:
    """Features, label, label_observed_at and treated of every eligible customer in these as-of weeks.

    `read`: asset key -> frame. Without weeks: the empty frame with its columns.
    """
    features = [feature for feature in available_features(FEATURES, profile.tables) if feature.model_input]
    # One week stands in where none has matured: the table is made with its columns all the same.
    as_ofs = list(weeks) or [profile.start]
    vectors = compute_features(
        read("features/daily_activity"),
        read("validated/customers"),
        as_ofs,
        features,
        profile.start,
    )
    churn = profile.churn
    window = Window(
        gap_days, churn.horizon_days, churn.reporting_lag_days, churn.active_within_days
    )
    contacts = read("validated/campaign_contacts") if profile.has("campaign_contacts") else None
    labelled = labels(
        vectors, window, churn.kind, read(f"validated/{CHURN_TABLE[churn.kind]}"), contacts
    )
    rows = vectors.join(labelled, ["customer_id", "as_of"])
    return rows if weeks else rows.where(F.lit(False))
