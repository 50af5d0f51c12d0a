"""The rows of training/churn_examples for given as-of weeks, from the lake's tables."""

from collections.abc import Callable, Sequence
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.engine_spark import compute_features
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.sources.profile import CHURN_TABLE, Profile
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
    features = [
        feature for feature in available_features(FEATURES, profile.tables) if feature.model_input
    ]
    # Without a matured week any day gives the columns of the empty table.
    as_ofs = list(weeks) or [profile.start]
    vectors = compute_features(
        read(keys.DAILY_ACTIVITY),
        read(keys.CUSTOMERS),
        as_ofs,
        features,
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
