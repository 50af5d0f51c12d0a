"""What a promotion records: rows of the champion's page, plain values, and the version's tags."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention_assets.errors import ContractError
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision
from retention_assets.modeling.refit import Refit
from serve.model.card import Card

if TYPE_CHECKING:
    from retention_assets.resources.registry import ModelVersion

FEATURES_TAG = "features"
RECIPE_TAG = "recipe"
TESTED_THROUGH = "tested_through"
TEST_FIGURE = "test_"  # what the tags of figures begin with
TAGGED_METRICS = ("base_rate", "auc", "average_precision", "brier", "ece", "profit")


@dataclass(frozen=True)
class PromotionResult:
    """`champion` is the champion from now on: the refit of the recipe that holds; if that does not
    agree with the tested model, the previous one, or the tested model where there is none. `refit`
    is None if no recipe holds. `refused`: why the refit may not be served, although it agrees.
    """

    comparison: Comparison
    decision: PromotionDecision
    champion: "ModelVersion | None"
    refit: Refit | None = None
    refused: str | None = None

    @property
    def refit_agrees(self) -> bool:
        """Whether nothing speaks against serving the refit."""
        return self.refit is None or self.refit.agreement.is_close

    @property
    def refit_reason(self) -> str:
        """What became of the refit, as a sentence."""
        if self.refit is None:
            return "No recipe holds, so there is nothing to refit."
        kept = f"version {self.champion.version} is kept" if self.champion else "nothing is served"
        if self.refused:
            served = f"It is not served, and {kept}: {self.refused}"
        else:
            served = "It is served." if self.refit_agrees else f"It is not served: {kept}."
        return (
            f"Refitted on all {self.refit.rows:,} labeled rows. "
            f"{self.refit.agreement.reason} {served}"
        )

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
            "trained_through": champion.tags.get("trained_through", "") if champion else "",
            "refit": self.refit_reason,
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
    card: Card, record: Mapping[str, Any], *, features: str, figures: Mapping[str, str]
) -> dict[str, str]:
    """Tags of a registered version. `record`: of its tracking run. `features`: definition of its
    features. `figures`: those of the test of its recipe.
    """
    return {
        "digest": record["digest"],
        "candidate": card.candidate,
        RECIPE_TAG: record["recipe"],
        "fingerprint": card.fingerprint,
        FEATURES_TAG: features,
        "source": card.source,
        "trained_through": card.trained_as_of[-1],
        "refitted": str(card.refitted).lower(),
        "mlflow_run": record["run_id"],
        **figures,
    }


def figure_tags(tested: Evaluation, test: Examples) -> dict[str, str]:
    """The figures of the tested model on the untouched rows. A refit has learned from these rows,
    so it keeps the figures of the model that has not.
    """
    point = tested.point()
    return {
        TESTED_THROUGH: str(test.as_of.max()),
        **{f"{TEST_FIGURE}{name}": f"{point[name]:.6f}" for name in TAGGED_METRICS},
    }


def kept_figures(champion: "ModelVersion") -> dict[str, str]:
    """The figures of the champion's last test, for a refit of its recipe that tested nothing."""
    return {
        name: value
        for name, value in champion.tags.items()
        if name == TESTED_THROUGH or name.startswith(TEST_FIGURE)
    }
