"""Recommended actions by risk level or state, and features."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.model.actions import ACTION_RULES, recommended_actions

NAN = float("nan")
REVIEW = "Review by the retention team"


@pytest.mark.parametrize(
    ("level", "features", "actions"),
    [
        ("LOW", {"recency_days": 300.0, "engagement_score": 0.0}, []),
        ("MEDIUM", {}, ["Loyalty program enrollment", "Usage analytics and insights sharing"]),
        ("MEDIUM", {"email_opt_in": 0.0}, []),
        ("HIGH", {"engagement_score": 0.9, "recency_days": 3.0}, [REVIEW]),
        (
            "CRITICAL",
            {"recency_days": 61.0},
            ["Win-back offer with discount", "Product usage training session", REVIEW],
        ),
        ("CRITICAL", {"recency_days": 61.0, "email_opt_in": 0.0}, [REVIEW]),
        (
            "HIGH",
            {"engagement_score": 0.1},
            ["Immediate engagement campaign", "Personal account manager assignment", REVIEW],
        ),
        (
            "HIGH",
            {"support_tickets_30d": 3.0, "email_opt_in": 0.0},
            ["Resolve the open support issues first", REVIEW],
        ),
        ("lapsed", {"recency_days": 300.0}, ["Win-back offer with discount"]),
        ("lapsed", {"recency_days": 300.0, "email_opt_in": 0.0}, []),
        ("left", {"recency_days": 300.0, "engagement_score": 0.0}, []),
        ("HIGH", {"recency_days": NAN, "engagement_score": NAN, "email_opt_in": NAN}, [REVIEW]),
    ],
)
def test_actions_follow_level_and_features(
    level: str, features: dict[str, float], actions: list[str]
) -> None:
    assert recommended_actions(level, features) == actions


VALUE = st.floats(allow_nan=True, allow_infinity=False)
FEATURES = st.dictionaries(
    st.sampled_from([*{rule.feature for rule in ACTION_RULES if rule.feature}, "email_opt_in"]),
    VALUE,
)


@given(level=st.sampled_from(["HIGH", "CRITICAL"]), features=FEATURES)
def test_high_risk_customer_always_has_an_action(level: str, features: dict[str, float]) -> None:
    assert recommended_actions(level, features)


@given(level=st.sampled_from(["LOW", "MEDIUM", "HIGH", "CRITICAL"]), features=FEATURES)
def test_opted_out_customer_gets_no_consent_action(level: str, features: dict[str, float]) -> None:
    needs_consent = {rule.action for rule in ACTION_RULES if rule.needs_consent}
    assert needs_consent.isdisjoint(recommended_actions(level, features | {"email_opt_in": 0.0}))
