"""Batch scores, made by the same scorer that answers over HTTP."""

from collections.abc import Set
from typing import Any

from retention_assets.features.vectors import Vectors
from serve.model.scorer import Scorer

SCHEMA = (
    "customer_id string, churn_probability double, churn_prediction boolean, risk_level string,"
    " confidence_score double,"
    " reasons array<struct<feature: string, value: double, typical: double, effect: double>>,"
    " recommended_actions array<string>, segment string, model_version string,"
    " model_digest string, features_as_of date"
)
LEVELS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
# What the retention team calls the levels.
SEGMENTS = {"LOW": "loyal", "MEDIUM": "watch", "HIGH": "at risk", "CRITICAL": "leaving"}
GONE = "gone"  # has left: scored like everybody, but no action is recommended


def score_rows(
    scorer: Scorer, vectors: Vectors, model_version: str, gone: Set[str] = frozenset()
) -> list[dict[str, Any]]:
    """A row of `SCHEMA` per customer. The vectors have the scorer's features, in its order.

    `gone`: customers who have left.
    """
    return [
        {
            "customer_id": customer_id,
            "churn_probability": score.probability,
            "churn_prediction": score.prediction,
            "risk_level": score.risk_level,
            "confidence_score": score.confidence,
            "reasons": [vars(reason) for reason in score.reasons],
            "recommended_actions": [] if customer_id in gone else score.actions,
            "segment": GONE if customer_id in gone else SEGMENTS[score.risk_level],
            "model_version": model_version,
            "model_digest": scorer.digest,
            "features_as_of": vectors.as_of,
        }
        for customer_id, score in zip(vectors.ids, scorer.score_all(vectors.matrix), strict=True)
    ]


def level_shares(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Share of the customers in each risk level, all levels named."""
    return {
        level: sum(row["risk_level"] == level for row in rows) / max(1, len(rows))
        for level in LEVELS
    }
