"""The retraining decision as a table: evidence in, decision and reason out."""

from dataclasses import replace

import pytest

from retention_assets.monitoring.retraining import (
    RealizedFigures,
    RetrainingEvidence,
    decide_retraining,
)
from retention_assets.settings import Settings

SETTINGS = Settings(retrain_every_days=7, retrain_cooldown_days=3, retrain_min_new_customers=200)
DRIFT = ("login_frequency_30d", "recency_days")
BROKEN = ("validated/customers: rows_in_equal_rows_out",)
# A week after the last training, with nothing unusual.
QUIET = RetrainingEvidence(new_customers=500, days_since_training=7, untested_weeks=1, test_weeks=4)
AS_RECORDED = RealizedFigures(recorded_auc=0.78, auc=0.77, auc_high=0.79)
BELOW = RealizedFigures(recorded_auc=0.78, auc=0.70, auc_high=0.73)


def test_quiet_week_renews_the_champion() -> None:
    decision = decide_retraining(QUIET, SETTINGS)
    assert decision.action == "refit"
    assert decision.reason == (
        "The last training was 7 days ago, and labels of 500 customers have matured."
    )


@pytest.mark.parametrize(
    ("changes", "action", "reason"),
    [
        ({"failed_checks": BROKEN}, "none", "1 data checks fail"),
        (
            {"drifted_features": DRIFT},
            "search",
            "2 features have drifted and move scores (login_frequency_30d, ",
        ),
        ({"realized": BELOW}, "search", "AUC on new weeks is 0.700, at most 0.730"),
        ({"realized": AS_RECORDED}, "refit", "7 days ago"),
        ({"untested_weeks": 4}, "search", "A test period has opened: 4 weeks are untested"),
        ({"has_other_features": True}, "search", "features of another definition"),
        ({"new_customers": 199}, "none", "Only 199 customers have labels"),
        ({"days_since_training": 2}, "none", "Cool-down"),
        ({"days_since_training": 6}, "none", "the next is due after 7"),
        ({"days_since_training": None}, "search", "Nothing was trained yet."),
        ({"has_champion": False}, "search", "7 days ago"),
    ],
)
def test_each_input_changes_the_decision(changes: dict, action: str, reason: str) -> None:
    """All but one, which shows that a champion within its record is none."""
    decision = decide_retraining(replace(QUIET, **changes), SETTINGS)
    assert decision.action == action
    assert reason in decision.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"failed_checks": BROKEN}, "1 data checks fail"),
        ({"days_since_training": 2}, "Cool-down"),
        ({"new_customers": 199}, "move scores (login_frequency_30d, recency_days), but only 199"),
        ({"days_since_training": None, "new_customers": 0}, "no label has matured"),
    ],
)
def test_drift_starts_nothing_against_these(changes: dict, reason: str) -> None:
    decision = decide_retraining(replace(QUIET, drifted_features=DRIFT, **changes), SETTINGS)
    assert decision.action == "none"
    assert reason in decision.reason


def test_more_evidence_never_prevents_a_training() -> None:
    effort = ("none", "refit", "search")
    for age in range(0, 20):
        for new in (0, 199, 200, 500):
            quiet = replace(QUIET, days_since_training=age, new_customers=new)
            without, with_drift, with_more = (
                effort.index(decide_retraining(evidence, SETTINGS).action)
                for evidence in (
                    quiet,
                    replace(quiet, drifted_features=DRIFT),
                    replace(quiet, new_customers=new + 200),
                )
            )
            assert with_drift >= without and with_more >= without
