"""Recommended actions for a customer at risk, or one who has lapsed, as a table of rules.

The rules in the project's original description gave a critical but engaged customer no action. Here
every HIGH and CRITICAL customer gets at least a review. Offers that need consent are left out for
customers who opted out. Customers who have left get no action.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import gt, lt

from serve.states import LAPSED

SERIOUS = frozenset({"HIGH", "CRITICAL"})
MODERATE = frozenset({"MEDIUM"})
SILENT = frozenset({LAPSED})
CONSENT_FEATURE = "email_opt_in"


@dataclass(frozen=True)
class ActionRule:
    """Recommends `action` if `compare(feature, bound)`, to customers with one of these levels.

    A level is a risk level, or the state of a customer who has no risk level. Without a feature the
    rule applies to every customer with one of them.
    """

    action: str
    levels: frozenset[str]
    feature: str | None
    compare: Callable[[float, float], bool]
    bound: float
    needs_consent: bool


# fmt: off
_RULE_TABLE = (
    # action, levels, feature, comparison, bound, needs consent
    ("Resolve the open support issues first", SERIOUS,  "support_tickets_30d", gt, 1.0,  False),
    ("Immediate engagement campaign",         SERIOUS,  "engagement_score",    lt, 0.3,  True),
    ("Personal account manager assignment",   SERIOUS,  "engagement_score",    lt, 0.3,  False),
    ("Win-back offer with discount",          SERIOUS,  "recency_days",        gt, 60.0, True),
    ("Product usage training session",        SERIOUS,  "recency_days",        gt, 60.0, True),
    ("Review by the retention team",          SERIOUS,  None,                  gt, 0.0,  False),
    ("Loyalty program enrollment",            MODERATE, None,                  gt, 0.0,  True),
    ("Usage analytics and insights sharing",  MODERATE, None,                  gt, 0.0,  True),
    ("Win-back offer with discount",          SILENT,   None,                  gt, 0.0,  True),
)
# fmt: on
ACTION_RULES = tuple(ActionRule(*row) for row in _RULE_TABLE)


def recommended_actions(level: str, features: Mapping[str, float]) -> list[str]:
    """The actions of all rules that apply, in the order of the table. `level`: the risk level of a
    customer who can leave, the state of another.

    A rule does not apply where its feature is unknown (absent or NaN).
    """
    opted_out = features.get(CONSENT_FEATURE) == 0.0
    return [
        rule.action
        for rule in ACTION_RULES
        if level in rule.levels and _applies(rule, features, opted_out)
    ]


def _applies(rule: ActionRule, features: Mapping[str, float], opted_out: bool) -> bool:
    if rule.needs_consent and opted_out:
        return False
    if rule.feature is None:
        return True
    # A comparison with NaN is False, so an unknown value recommends nothing.
    return rule.compare(features.get(rule.feature, float("nan")), rule.bound)
