"""How an answer of the deployment is shown."""

import io

import pytest
from rich.console import Console

from retention_assets.cli.predict import show_prediction

ANSWER = {
    "customer_id": "C1",
    "customer_state": "active",
    "churn_probability": 0.615,
    "risk_level": "HIGH",
    "features_as_of": "2024-03-04",
    "reasons": [],
    "recommended_actions": ["Review by the retention team"],
}
LAPSED = {"customer_state": "lapsed", "churn_probability": None, "risk_level": None}


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "Customer C1: 61.5% likely to leave, risk HIGH, as of 2024-03-04"),
        (LAPSED, "Customer C1: has lapsed already, no risk to predict, as of 2024-03-04"),
    ],
)
def test_answer_is_shown_with_the_risk_or_the_state(changes: dict, line: str) -> None:
    text = io.StringIO()
    show_prediction(ANSWER | changes, Console(file=text, width=200))
    assert text.getvalue().splitlines() == [line, "  Recommended: Review by the retention team"]
