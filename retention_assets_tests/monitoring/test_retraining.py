"""The retraining decision as a table: evidence in, verdict and reason out."""

import pytest

from retention_assets.monitoring.retraining import Evidence, decide
from retention_assets.settings import Settings

KNOBS = Settings(retrain_every_days=7, retrain_cooldown_days=3, retrain_min_new_labels=200)
DRIFT = ("login_frequency_30d", "recency_days")


@pytest.mark.parametrize(
    ("evidence", "retrain", "reason"),
    [
        (Evidence((), 500, None, ()), True, "Nothing was trained yet."),
        (Evidence((), 0, None, ()), False, "no label has matured"),
        (
            Evidence(("validated/customers: rows_in_equal_rows_out",), 500, None, ()),
            False,
            "Data first",
        ),
        (
            Evidence(("validated/customers: rows_in_equal_rows_out",), 500, 90, DRIFT),
            False,
            "Data first",
        ),
        (Evidence((), 500, 2, DRIFT), False, "Cool-down"),
        (
            Evidence((), 500, 3, DRIFT),
            True,
            "2 features have drifted (login_frequency_30d, recency_days)",
        ),
        (Evidence((), 199, 30, DRIFT), False, "Watch"),
        (Evidence((), 0, 30, ()), False, "Only 0 new labels"),
        (Evidence((), 500, 6, ()), False, "No drift"),
        (Evidence((), 500, 7, ()), True, "7 days ago"),
    ],
)
def test_the_first_rule_that_applies_decides(
    evidence: Evidence, retrain: bool, reason: str
) -> None:
    decision = decide(evidence, KNOBS)
    assert decision.retrain is retrain
    assert reason in decision.reason


def test_more_evidence_for_training_never_turns_a_yes_into_a_no() -> None:
    for age in range(0, 20):
        for new in (0, 199, 200, 500):
            without, with_drift = (
                decide(Evidence((), new, age, drifted), KNOBS).retrain for drifted in ((), DRIFT)
            )
            assert with_drift >= without
            assert decide(Evidence((), new + 200, age, ()), KNOBS).retrain >= without
