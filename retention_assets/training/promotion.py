"""The promotion: today's champion fetched and scored beside the candidates, the gates asked, the registry told the verdict."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retention_assets.modeling.evaluation.candidate_evaluation import TASK
from retention_assets.modeling.promotion.comparison import Contest, contest_of
from retention_assets.modeling.promotion.decision import Verdict, decide
from retention_assets.training.record import read_note
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from retention_assets.resources.registry import ModelVersion, Registry
    from retention_assets.settings import Settings
    from retention_assets.sources.profile import Profile


@dataclass(frozen=True)
class Outcome:
    """`champion` is the champion from now on: the challenger, if promoted, else the one before (None: there is none)."""

    contest: Contest
    verdict: Verdict
    champion: "ModelVersion | None"

    def gate_rows(self) -> list[dict[str, Any]]:
        return [
            {
                "gate": gate.name,
                "passed": gate.passed,
                "reason": gate.reason,
                "figures": json.dumps(gate.figures),
            }
            for gate in self.verdict.gates
        ]

    def summary(self) -> dict[str, Any]:
        """What happened, as plain values. Without any champion its version and digest are empty text."""
        verdict, champion = self.verdict, self.champion
        return {
            "challenger": verdict.challenger,
            "promoted": verdict.promoted,
            "reason": verdict.reason,
            "champion": champion.candidate if champion else "none",
            "model_version": champion.version if champion else "",
            "digest": champion.digest if champion else "",
            "mlflow_run": champion.tags.get("mlflow_run", "") if champion else "",
        }


def hold(
    read: Callable[[str], "pa.Table"],
    registry: "Registry",
    settings: "Settings",
    profile: "Profile",
) -> Outcome:
    """Decides between the best candidate and today's champion, and promotes where every gate is passed."""
    champion = registry.champion(TASK)
    contest = contest_of(read, _scorer(registry, champion), settings, profile)
    folder = registry.staging(contest.challenger)
    note = read_note(folder)
    scorer = load_bundle(folder, note["digest"])
    verdict = decide(
        contest,
        scorer,
        champion.digest if champion else None,
        note["signature"],
        settings.max_predict_ms,
    )
    if verdict.promoted:
        version = registry.register(
            TASK, note["model_uri"], note["run_id"], _tags(contest, scorer, note)
        )
        registry.promote(TASK, version)
        champion = registry.champion(TASK)
    return Outcome(contest, verdict, champion)


def _scorer(registry: "Registry", champion: "ModelVersion | None") -> Scorer | None:
    if champion is None:
        return None
    folder: Path = registry.download(TASK, champion.version, registry.downloads)
    return load_bundle(folder, champion.digest)


def _tags(contest: Contest, scorer: Scorer, note: dict[str, Any]) -> dict[str, str]:
    point = contest.candidates[contest.challenger].point()
    card = scorer.card
    return {
        "digest": scorer.digest,
        "candidate": card.candidate,
        "fingerprint": card.fingerprint,
        "source": card.source,
        "trained_through": card.trained_as_of[-1],
        "tested_through": card.test_as_of[-1],
        "mlflow_run": note["run_id"],
        **{
            f"test_{name}": f"{point[name]:.6f}"
            for name in ("base_rate", "auc", "average_precision", "brier", "ece", "profit")
        },
    }
