"""The columns of training/churn_examples: what each means and what it is computed from."""

from typing import TYPE_CHECKING

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES, Feature
from retention_assets.features.lineage import ColumnOrigin, feature_descriptions, feature_sources
from retention_assets.sources.profile import CHURN_TABLE

if TYPE_CHECKING:
    from retention_assets.sources.profile import Profile

# Columns that are not features.
BOOKKEEPING = {
    "customer_id": "The customer.",
    "as_of": "The Monday, midnight (UTC) at its start; features count only what was known then.",
    "label": "1: the customer left within the label window. 0: the customer did not.",
    "label_observed_at": "The first day on which the label is final.",
    "treated": "Whether the customer was contacted between as_of and the end of the window.",
}


def example_features(profile: "Profile") -> list[Feature]:
    """The features that the source can fill and that models may see."""
    features = available_features(FEATURES, profile.tables)
    return [feature for feature in features if feature.model_input]


def example_descriptions(profile: "Profile") -> dict[str, str]:
    """Column -> meaning."""
    return BOOKKEEPING | feature_descriptions(example_features(profile))


def example_lineage(profile: "Profile") -> dict[str, list[ColumnOrigin]]:
    """Column -> the (asset key, column) pairs that it is computed from."""
    facts = keys.validated(CHURN_TABLE[profile.churn.kind])
    lineage = feature_sources(example_features(profile), profile.tables)
    lineage |= {"customer_id": [(keys.CUSTOMERS, "customer_id")], "label": [(facts, "event_ts")]}
    if profile.has("campaign_contacts"):
        lineage["treated"] = [
            (keys.CAMPAIGN_CONTACTS, "event_ts"),
            (keys.CAMPAIGN_CONTACTS, "treated"),
        ]
    return lineage
