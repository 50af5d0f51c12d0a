"""The columns of training/*: what each means, and what those of the examples are computed from."""

from typing import TYPE_CHECKING

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.feature import Feature
from retention_assets.features.lineage import (
    ColumnOrigin,
    feature_descriptions,
    feature_sources,
    state_origins,
)

if TYPE_CHECKING:
    from retention_assets.sources.profile import Profile

LABEL = (
    "1: at the end of the label window the customer has left or lapsed. 0: the customer has not. "
    "Given labels: the source's outcome."
)
# Columns that are not features.
BOOKKEEPING = {
    "customer_id": "The customer.",
    "as_of": "The day, midnight (UTC) at its start; features count only what was known then. "
    "A Monday; if labels are given, the day of the label.",
    "label": LABEL,
    "left_in_gap": "Whether the customer had canceled by the end of the gap: a contact would have "
    "come too late.",
    "label_observed_at": "The first day on which the label is final.",
    "treated": "Whether the customer was contacted between as_of and the end of the window, before "
    "leaving.",
    "weight": "How much the example counts: 0 if such a contact had a logged propensity, else 1 "
    "divided by the probability that the logged decisions until the outcome left the customer "
    "out; 1 where none was logged, at most 10.",
}
SCORES = {
    "customer_id": "The customer.",
    "as_of": "The as-of day of the example, among the last, which no candidate was trained on.",
    "label": LABEL,
    "probability": "The candidate's calibrated probability that the customer leaves.",
}
_FIGURES = {
    "auc": "Area under the ROC curve.",
    "average_precision": "Area under the precision-recall curve.",
    "brier": "Mean squared error of the probabilities; lower is better.",
    "ece": "Expected calibration error; lower is better.",
    "profit": "Expected profit per 1,000 customers if those at the highest risk are contacted. "
    "What a contact costs and achieves is assumed, by the settings.",
}
LEADERBOARD = {
    "candidate": "The candidate or baseline.",
    "kind": "candidate or baseline.",
    "base_rate": "Share of customers who left.",
    **{
        f"{name}{suffix}": f"{bound}{meaning}"
        for name, meaning in _FIGURES.items()
        for suffix, bound in (
            ("", ""),
            ("_low", "Lower end of the 95% interval. "),
            ("_high", "Upper end of the 95% interval. "),
        )
    },
    "log_loss": "Mean negative log-likelihood; lower is better.",
    "accuracy": "Share of right answers at a probability of one half.",
    "lift": "Share of leavers among those who can be contacted, divided by the base rate.",
    "fold_profit": "Expected profit on the folds before these weeks, which choose the challenger.",
    "fold_profit_error": "Standard error of this profit. The challenger has the best fold_brier "
    "among the candidates that fall short of the highest profit by no more than its error.",
    "fold_brier": "Mean squared error of the probabilities on the folds.",
    "is_challenger": "Whether the candidate is the best on the folds. These weeks judge it alone.",
}
GATES = {
    "gate": "The promotion gate.",
    "passed": "Whether the challenger passes it.",
    "reason": "The gate's answer as a sentence.",
    "value": "The figure that the gate examines.",
    "low": "Lower end of the figure's interval.",
    "high": "Upper end of the figure's interval.",
    "limit": "What the figure is compared with.",
    "figures": "All figures that the gate was decided on, as JSON.",
}


def example_features(profile: "Profile") -> list[Feature]:
    """The features that the source can fill and that models may see."""
    features = available_features(FEATURES, profile.tables)
    return [feature for feature in features if feature.is_model_input]


def example_descriptions(profile: "Profile") -> dict[str, str]:
    """Column -> meaning."""
    return BOOKKEEPING | feature_descriptions(example_features(profile))


def example_lineage(profile: "Profile") -> dict[str, list[ColumnOrigin]]:
    """Column -> the (asset key, column) pairs that it is computed from."""
    lineage = feature_sources(example_features(profile), profile.tables)
    outcomes = [(keys.validated("churn_labels"), "churned")]
    label = outcomes if profile.churn.kind == "label" else state_origins(profile.state_tables)
    lineage |= {"customer_id": [(keys.CUSTOMERS, "customer_id")], "label": label}
    lineage["left_in_gap"] = state_origins(profile.state_tables)
    if profile.has("campaign_contacts"):
        columns = ("event_ts", "treated", "propensity")
        contacts = [(keys.CAMPAIGN_CONTACTS, name) for name in columns]
        lineage |= {name: [*contacts, *label] for name in ("treated", "weight")}
    return lineage
