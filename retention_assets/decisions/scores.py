"""Batch scores, from the same scorer that serves predictions over HTTP."""

from typing import Any

from retention_assets.features.vectors import Vectors
from serve.model.scorer import Score, Scorer
from serve.states import CAN_LEAVE

# Column, Spark type, meaning. A customer who has lapsed or left has no risk: it is null.
COLUMNS = (
    ("customer_id", "string", "The customer."),
    ("customer_state", "string", "active, returned, lapsed or left; see features/customer_state."),
    ("churn_probability", "double", "Calibrated probability of churn, from 0 to 1."),
    ("churn_prediction", "boolean", "Whether the probability reaches the model's threshold."),
    ("risk_level", "string", "LOW, MEDIUM, HIGH or CRITICAL, by the model's lower bounds."),
    (
        "confidence_score",
        "double",
        "How certain the probability is, from 0 to 1; serve/model/scorer.py has the formula.",
    ),
    (
        "reasons",
        "array<struct<feature: string, value: double, typical: double, effect: double>>",
        "Features that moved the score most, largest effect first: the feature's name, the"
        " customer's value, the typical value (null: unknown) and the effect in log odds"
        " (positive raises the risk).",
    ),
    ("recommended_actions", "array<string>", "What to do; empty for customers who have left."),
    ("segment", "string", "The customer's segment, see value/customer_segments; null: unknown."),
    ("model_version", "string", "Version of the champion in the registry."),
    ("model_digest", "string", "SHA-256 digest of the champion's files."),
    (
        "features_as_of",
        "date",
        "Features hold what was known at midnight (UTC) at the start of this day.",
    ),
)
SCHEMA = ", ".join(f"{name} {kind}" for name, kind, _ in COLUMNS)
DESCRIPTIONS = {name: meaning for name, _, meaning in COLUMNS}
LEVELS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")


def score_rows(scorer: Scorer, vectors: Vectors, model_version: str) -> list[dict[str, Any]]:
    """A row of `SCHEMA` per customer. The vectors have the scorer's features, in its order."""
    can_leave = [state in CAN_LEAVE for state in vectors.states]
    scores = scorer.score_all(vectors.matrix[can_leave])
    common = {
        "model_version": model_version,
        "model_digest": scorer.digest,
        "features_as_of": vectors.as_of,
    }
    risks = (
        _risk(next(scores)) if is_scored else _no_risk(scorer, vectors, row)
        for row, is_scored in enumerate(can_leave)
    )
    customers = zip(vectors.ids, vectors.states, vectors.segments, risks, strict=True)
    return [
        {"customer_id": customer_id, "customer_state": state, "segment": segment} | risk | common
        for customer_id, state, segment, risk in customers
    ]


def _risk(score: Score) -> dict[str, Any]:
    return score.fields | {"reasons": [vars(reason) for reason in score.reasons]}


def _no_risk(scorer: Scorer, vectors: Vectors, row: int) -> dict[str, Any]:
    state = vectors.states[row]
    fields = scorer.fields_without_risk(state, vectors.matrix[row])
    return fields | {"reasons": []}


def level_shares(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Share of the customers in each risk level; 0 for a level without customers."""
    return {
        level: sum(row["risk_level"] == level for row in rows) / max(1, len(rows))
        for level in LEVELS
    }
