"""What to do about a customer at risk, as a table of rules. Risk decides whether, features decide what.

The written rules that these come from left a critical but engaged customer with nothing to do; here every HIGH and
CRITICAL customer gets at least a person's look. Offers that need consent are left out for those who opted out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import gt, lt

SERIOUS = frozenset({"HIGH", "CRITICAL"})
MODERATE = frozenset({"MEDIUM"})
CONSENT_FEATURE = "email_opt_in"


@dataclass(frozen=True)
class Rule:
    """`action` for customers of these levels whose `feature` is above or below `bound`; no feature: for all of them."""

    action: str
    levels: frozenset[str]
    feature: str | None = None
    compare: Callable[[float, float], bool] = gt
    bound: float = 0.0
    needs_consent: bool = True


RULES = (
    Rule(
        "Resolve the open support issues first",
        SERIOUS,
        "support_tickets_30d",
        gt,
        1.0,
        needs_consent=False,
    ),
    Rule("Immediate engagement campaign", SERIOUS, "engagement_score", lt, 0.3),
    Rule(
        "Personal account manager assignment",
        SERIOUS,
        "engagement_score",
        lt,
        0.3,
        needs_consent=False,
    ),
    Rule("Win-back offer with discount", SERIOUS, "recency_days", gt, 60.0),
    Rule("Product usage training session", SERIOUS, "recency_days", gt, 60.0),
    Rule("Review by the retention team", SERIOUS, needs_consent=False),
    Rule("Loyalty program enrollment", MODERATE),
    Rule("Usage analytics and insights sharing", MODERATE),
)


def recommended_actions(risk_level: str, features: Mapping[str, float]) -> list[str]:
    """The actions of all rules that hold, in the table's order. A feature that is missing (absent or NaN) holds no rule."""
    opted_out = features.get(CONSENT_FEATURE) == 0.0
    return [
        rule.action
        for rule in RULES
        if risk_level in rule.levels and _holds(rule, features, opted_out)
    ]


def _holds(rule: Rule, features: Mapping[str, float], opted_out: bool) -> bool:
    if rule.needs_consent and opted_out:
        return False
    # A comparison with NaN is False, so an unknown value recommends nothing.
    return rule.feature is None or rule.compare(
        features.get(rule.feature, float("nan")), rule.bound
    )
