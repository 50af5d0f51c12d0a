"""What a promotion records: rows of the champion's page, plain values, and the version's tags."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention_assets.errors import ContractError
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision
from serve.model.card import Card

if TYPE_CHECKING:
    from retention_assets.resources.registry import ModelVersion

FEATURES_TAG = "features"
TAGGED_METRICS = ("base_rate", "auc", "average_precision", "brier", "ece", "profit")


@dataclass(frozen=True)
class PromotionResult:
    """`champion` is the champion from now on: the promoted challenger, or the previous one."""

    comparison: Comparison
    decision: PromotionDecision
    champion: "ModelVersion | None"

    def gate_rows(self) -> list[dict[str, Any]]:
        """One row per gate: what it decided, why, and its figures in columns of their own."""
        return [
            {"gate": gate.name, "passed": gate.passed, "reason": gate.reason} | gate.columns
            for gate in self.decision.gates
        ]

    def stored_rows(self) -> list[dict[str, Any]]:
        """The gate rows with every further figure as JSON."""
        return [
            row | {"figures": json.dumps(gate.figures)}
            for row, gate in zip(self.gate_rows(), self.decision.gates, strict=True)
        ]

    def summary(self) -> dict[str, Any]:
        """The result as plain values. Without any champion its version and digest are empty."""
        champion = self.champion
        return {
            "challenger": self.decision.challenger,
            "promoted": self.decision.promoted,
            "reason": self.decision.reason,
            "champion": champion.candidate if champion else "none",
            "model_version": champion.version if champion else "",
            "digest": champion.digest if champion else "",
            "mlflow_run": champion.tags.get("mlflow_run", "") if champion else "",
        }


def reads_other_features(champion: "ModelVersion", definition: str) -> bool:
    """Whether the champion was trained on features of another definition than this one."""
    return champion.tags.get(FEATURES_TAG, definition) != definition


def refuse_other_features(champion: "ModelVersion", definition: str) -> None:
    """Raises ContractError if the champion must not be given the features of this definition."""
    if reads_other_features(champion, definition):
        raise ContractError(
            f"The champion, version {champion.version}, was trained on features of another "
            "definition than today's, and no candidate has been promoted since.",
            "See the gates of training/churn_champion, or take the change of the features back. "
            "Until then the last published features are served.",
        )


def version_tags(
    comparison: Comparison, digest: str, card: Card, *, run_id: str, features: str
) -> dict[str, str]:
    """Tags of the challenger's registered version. `features`: definition of its features."""
    point = comparison.candidates[comparison.challenger].point()
    return {
        "digest": digest,
        "candidate": card.candidate,
        "fingerprint": card.fingerprint,
        FEATURES_TAG: features,
        "source": card.source,
        "trained_through": card.trained_as_of[-1],
        "tested_through": card.test_as_of[-1],
        "mlflow_run": run_id,
        **{f"test_{name}": f"{point[name]:.6f}" for name in TAGGED_METRICS},
    }
