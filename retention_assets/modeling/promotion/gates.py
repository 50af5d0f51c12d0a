"""The conditions for a challenger to become champion: one row in GATES for each.

Money decides; the other gates can only stop. Intervals are paired, by entity, and corrected for how
often the untouched rows have judged a challenger: the best of four tries is the luckiest of four.
"""

from collections.abc import Sequence

from retention_assets import keys
from retention_assets.modeling.evaluation.intervals import interval
from retention_assets.modeling.promotion.evidence import (
    ALPHA,
    CHAMPION,
    Answer,
    Gate,
    PromotionEvidence,
)
from retention_assets.modeling.promotion.probability_gates import (
    calibrated,
    calibrated_on_large_slices,
    no_worse_on_large_slices,
)

# One-sided 0.9995 normal quantile: on pure noise a ranking passes once in 2000 times.
SIGNAL_Z = 3.29
CHANCE_AUC = 0.5


def better_than_champion(evidence: PromotionEvidence) -> Answer:
    """More money than today's champion on the same rows; the whole interval lies above zero."""
    if not evidence.has_champion:
        reason = "No champion to compare with; only the trivial baselines count."
        return Answer(passed=True, reason=reason)
    return _more_money(evidence, [CHAMPION])


def better_than_trivial_baselines(evidence: PromotionEvidence) -> Answer:
    """More money than baselines that do not rank, by the interval; against a baseline that ranks,
    more money and better probabilities by the interval.

    Where the first rows of a ranking baseline are plain cases, every good ranking begins with them,
    and money at one capacity cannot tell two apart; the probabilities of all rows can.
    """
    unranked = [name for name in evidence.baselines if name not in evidence.rankings]
    money = _more_money(evidence, unranked)
    passed = money.passed
    reasons = [money.reason]
    details = dict(money.details)
    for name in evidence.rankings:
        more, sample = evidence.scores.difference("profit", evidence.challenger, name)
        brier, brier_sample = evidence.scores.difference("brier", evidence.challenger, name)
        low, high = interval(sample, ALPHA / evidence.tries)
        _, brier_high = interval(brier_sample, ALPHA / evidence.tries)
        passed = passed and more > 0 and brier_high < 0
        reasons.append(
            f"Assumed profit {more:+.0f} [{low:.0f}, {high:.0f}] and Brier {brier:+.4f} "
            f"[at most {brier_high:+.4f}] against {name}."
        )
        details |= {
            f"{name}_profit_difference": more,
            f"{name}_low": low,
            f"{name}_high": high,
            f"{name}_brier_difference": brier,
            f"{name}_brier_high": brier_high,
        }
    return Answer(
        passed=passed,
        reason=" ".join(reasons),
        value=money.value,
        low=money.low,
        high=money.high,
        limit=money.limit,
        details=details,
    )


def has_signal(evidence: PromotionEvidence) -> Answer:
    """Ranks better than chance, beyond what the luckiest of pure noise would show."""
    auc = evidence.scores.points[evidence.challenger]["auc"]
    sample = evidence.scores.samples[evidence.challenger]["auc"]
    low = auc - SIGNAL_Z * float(sample.std())
    reason = f"AUC {auc:.3f}, above {low:.3f} with 99.95 % confidence; chance is .5."
    return Answer(passed=low > CHANCE_AUC, reason=reason, value=auc, low=low, limit=CHANCE_AUC)


def fast_enough(evidence: PromotionEvidence) -> Answer:
    """One row, scored and explained, takes not too many times as long as with a linear model."""
    limit = evidence.max_latency_ratio
    latency = evidence.latency
    return Answer(
        passed=latency.ratio <= limit,
        reason=f"One row takes {latency.challenger_ms:.2f} ms, {latency.ratio:.1f} times as long "
        f"as with a linear model (limit {limit:.0f} times).",
        value=latency.ratio,
        limit=limit,
        details={"latency_ms": latency.challenger_ms, "reference_ms": latency.reference_ms},
    )


def pinned_with_signature(evidence: PromotionEvidence) -> Answer:
    """The input signature is logged, and the files are those whose digest was taken."""
    passed = bool(evidence.digest) and evidence.has_signature
    reason = "Signature and digest exist." if passed else "Signature or digest is missing."
    details = {"has_digest": float(bool(evidence.digest))}
    return Answer(
        passed=passed,
        reason=reason,
        details=details | {"has_signature": float(evidence.has_signature)},
    )


GATES = (
    Gate(
        keys.BETTER_THAN_CHAMPION,
        better_than_champion,
        "Earns more than today's champion on the same rows, by a paired interval. What an action "
        "achieves is assumed.",
    ),
    Gate(
        keys.BETTER_THAN_BASELINES,
        better_than_trivial_baselines,
        "Earns more than acting on nobody or at random, and beats each one-feature ranking. What "
        "an action achieves is assumed.",
    ),
    Gate(
        keys.HAS_SIGNAL,
        has_signal,
        "Ranks better than chance, even after a correction for luck.",
    ),
    Gate(
        keys.CALIBRATED,
        calibrated,
        "Predicted rates agree with observed rates within a tolerance, by the whole interval.",
    ),
    Gate(
        keys.CALIBRATED_ON_LARGE_SLICES,
        calibrated_on_large_slices,
        "Predicted rates agree with observed rates on the mean of each large group whose data can "
        "show it.",
    ),
    Gate(
        keys.NO_WORSE_ON_LARGE_SLICES,
        no_worse_on_large_slices,
        "Predictions are not worse than the champion's for any large group.",
    ),
    Gate(
        keys.FAST_ENOUGH,
        fast_enough,
        "Scores one row in at most so many times the time of a linear model, timed beside it.",
    ),
    Gate(
        keys.PINNED_WITH_SIGNATURE,
        pinned_with_signature,
        "The model's files are pinned by digest and its inputs are declared.",
    ),
)


def _more_money(evidence: PromotionEvidence, rivals: Sequence[str]) -> Answer:
    """The lower end of the paired difference is above zero against each rival."""
    figures = {}
    for rival in rivals:
        difference, sample = evidence.scores.difference("profit", evidence.challenger, rival)
        figures[rival] = (difference, *interval(sample, ALPHA / evidence.tries))
    if not figures:
        return Answer(passed=True, reason="No such baseline is declared.")
    closest = min(figures, key=lambda rival: figures[rival][1])
    value, low, high = figures[closest]
    details = {
        f"{rival}_{name}": figure
        for rival, row in figures.items()
        for name, figure in zip(("profit_difference", "low", "high"), row, strict=True)
    }
    return Answer(
        passed=all(row[1] > 0 for row in figures.values()),
        reason=f"Assumed profit {value:+.0f} [{low:.0f}, {high:.0f}] per 1000 "
        f"{evidence.entities} against {closest}.",
        value=value,
        low=low,
        high=high,
        limit=0.0,
        details=details,
    )
