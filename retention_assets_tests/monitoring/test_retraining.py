"""The retraining decision as a table: evidence in, decision and reason out."""

import pytest

from retention_assets.monitoring.retraining import RetrainingEvidence, decide_retraining
from retention_assets.settings import Settings

SETTINGS = Settings(retrain_every_days=7, retrain_cooldown_days=3, retrain_min_new_labels=200)
DRIFT = ("login_frequency_30d", "recency_days")


@pytest.mark.parametrize(
    ("evidence", "retrain", "reason"),
    [
        (RetrainingEvidence((), 500, None, ()), True, "Nothing was trained yet."),
        (RetrainingEvidence((), 0, None, ()), False, "no label has matured"),
        (
            RetrainingEvidence(("validated/customers: rows_in_equal_rows_out",), 500, None, ()),
            False,
            "1 data checks fail",
        ),
        (
            RetrainingEvidence(("validated/customers: rows_in_equal_rows_out",), 500, 90, DRIFT),
            False,
            "1 data checks fail",
        ),
        (RetrainingEvidence((), 500, 2, DRIFT), False, "Cool-down"),
        (
            RetrainingEvidence((), 500, 3, DRIFT),
            True,
            "2 features have drifted (login_frequency_30d, recency_days)",
        ),
        (
            RetrainingEvidence((), 199, 30, DRIFT),
            False,
            "have drifted (login_frequency_30d, recency_days), but only 199 new labels have matured"
            " since the last training; 200 are needed.",
        ),
        (
            RetrainingEvidence((), 0, 30, ()),
            False,
            "Only 0 new labels have matured since the last training; 200 are needed.",
        ),
        (RetrainingEvidence((), 500, 6, ()), False, "No drift"),
        (RetrainingEvidence((), 500, 7, ()), True, "7 days ago"),
    ],
)
def test_first_rule_that_applies_decides(
    evidence: RetrainingEvidence, retrain: bool, reason: str
) -> None:
    decision = decide_retraining(evidence, SETTINGS)
    assert decision.retrain is retrain
    assert reason in decision.reason


def test_more_evidence_never_prevents_a_training() -> None:
    for age in range(0, 20):
        for new in (0, 199, 200, 500):
            without, with_drift = (
                decide_retraining(RetrainingEvidence((), new, age, drifted), SETTINGS).retrain
                for drifted in ((), DRIFT)
            )
            assert with_drift >= without
            assert (
                decide_retraining(RetrainingEvidence((), new + 200, age, ()), SETTINGS).retrain
                >= without
            )
