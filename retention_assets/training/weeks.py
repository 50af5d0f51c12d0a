"""The rows of training/churn_examples for given as-of weeks, from the lake's tables."""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.engine_spark import compute_features
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.sources.profile import CHURN_TABLE, Profile
from retention_assets.training.columns import example_features
from retention_assets.training.labels import labels


def weekly_examples(
    read: Callable[[str], DataFrame],
    profile: Profile,
    window: LabelWindow,
    weeks: Sequence[date],
) -> DataFrame:
    """Features and label of every eligible customer in these as-of weeks.

    `read`: asset key -> frame. Without weeks the frame is empty and has its columns.
    """
    # Without a matured week any day gives the columns of the empty table.
    as_ofs = list(weeks) or [profile.start]
    vectors = compute_features(
        read(keys.DAILY_ACTIVITY),
        read(keys.CUSTOMERS),
        as_ofs,
        example_features(profile),
        profile.start,
    )
    churn = profile.churn
    contacts = read(keys.CAMPAIGN_CONTACTS) if profile.has("campaign_contacts") else None
    labeled = labels(
        vectors,
        window,
        kind=churn.kind,
        facts=read(keys.validated(CHURN_TABLE[churn.kind])),
        contacts=contacts,
        active_within_days=churn.active_within_days,
    )
    rows = vectors.join(labeled, ["customer_id", "as_of"])
    return rows if weeks else rows.where(F.lit(False))
