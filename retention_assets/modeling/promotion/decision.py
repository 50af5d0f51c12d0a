"""From scores on the untouched rows to a verdict: who challenges, which gates it passes, whether it is promoted."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retention_assets.modeling.evaluation.baselines import EVERYBODY
from retention_assets.modeling.evaluation.intervals import customer_draws
from retention_assets.modeling.examples import Bools
from retention_assets.modeling.promotion import gates
from retention_assets.modeling.promotion.comparison import Contest
from serve.model.scorer import Scorer

LATENCY_ROWS = 100


@dataclass(frozen=True)
class Verdict:
    """`promoted` only where every gate passed and the challenger is not today's champion already."""

    challenger: str
    digest: str
    gates: list[gates.Gate]
    promoted: bool
    reason: str


def decide(
    contest: Contest,
    scorer: Scorer,
    champion_digest: str | None,
    has_signature: bool,
    max_latency_ms: float,
) -> Verdict:
    """Judges the challenger, whose served form is `scorer`."""
    answers = gates.judge(evidence(contest, scorer, has_signature, max_latency_ms))
    failed = [gate for gate in answers if not gate.passed]
    if scorer.digest == champion_digest:
        return Verdict(
            contest.challenger,
            scorer.digest,
            answers,
            False,
            "The best candidate is today's champion itself.",
        )
    if failed:
        reason = "Nothing is promoted: " + " ".join(
            f"{gate.name}: {gate.reason}" for gate in failed
        )
        return Verdict(contest.challenger, scorer.digest, answers, False, reason)
    return Verdict(
        contest.challenger,
        scorer.digest,
        answers,
        True,
        f"{contest.challenger} passed {len(answers)} gates.",
    )


def evidence(
    contest: Contest, scorer: Scorer, has_signature: bool, max_latency_ms: float
) -> gates.Evidence:
    """What the gates look at."""
    rows = contest.test
    slices = gates.large_slices(rows.features, rows.X, rows.y)
    return gates.Evidence(
        challenger=contest.challenger,
        candidates=len(contest.candidates),
        standing=contest.standing(),
        rivals=tuple(contest.baselines),
        has_champion=contest.champion is not None,
        slice_differences=slice_differences(contest, slices),
        latency_ms=latency_ms(scorer, rows.columns(scorer.features)),
        max_latency_ms=max_latency_ms,
        digest=scorer.digest,
        has_signature=has_signature,
    )


def slice_differences(
    contest: Contest, slices: Mapping[str, Bools]
) -> dict[str, tuple[float, NDArray[np.float64]]]:
    """Brier of the challenger minus Brier of the champion (or a constant) within each slice: point and paired samples."""
    y, rival = contest.test.y, contest.champion or contest.baselines[EVERYBODY]
    excess = (contest.candidates[contest.challenger].p - y) ** 2 - (rival.p - y) ** 2
    draws: dict[str, list[NDArray[np.float64]]] = {name: [] for name in slices}
    for weights in customer_draws(contest.test.customers, contest.rounds, contest.seed):
        for name, rows in slices.items():
            part = weights[rows]
            draws[name].append(excess[rows] @ part / np.maximum(part.sum(axis=0), 1))
    return {
        name: (float(excess[rows].mean()), np.concatenate(draws[name]))
        for name, rows in slices.items()
    }


def latency_ms(scorer: Scorer, X: NDArray[np.float64]) -> float:
    """95th percentile of scoring and explaining one customer, after a warm-up."""
    rows = X[np.linspace(0, len(X) - 1, LATENCY_ROWS).astype(int)]
    scorer.score(rows[0])
    taken = []
    for row in rows:
        started = time.perf_counter()
        scorer.score(row)
        taken.append(time.perf_counter() - started)
    return float(np.percentile(taken, 95) * 1000)
