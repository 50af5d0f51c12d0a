"""Whether the untouched period may test the challenger, and what the test decides."""

from collections.abc import Sequence
from datetime import date

from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision, decide_promotion
from retention_assets.modeling.promotion.periods import (
    SpentPeriod,
    demands_of,
    gates_as_json,
    same_test,
    span_of,
    tries_before,
)
from serve.model.scorer import Scorer


def decide_on_period(
    comparison: Comparison,
    scorer: Scorer,
    *,
    recipe: str,
    has_signature: bool,
    champion: str,
    labels_through: date,
    spent: Sequence[SpentPeriod],
) -> tuple[PromotionDecision, SpentPeriod | None]:
    """The decision, and the period that it spends; None if nothing is tested, or nothing anew.

    `recipe`: the challenger's. `champion`: the champion's recipe, empty without one. `spent`: the
    tests so far, the oldest first.

    Nothing is tested if the recipe is the champion's own, or if the period overlaps a spent one.
    The gates then show what they answered at the last test.
    """
    task = comparison.task
    is_same_recipe = recipe == champion
    before = tries_before(spent, comparison.test)
    earlier = same_test(spent, comparison.test, task, digest=scorer.digest, champion=champion)
    if earlier:
        return _repeated(comparison, earlier), None
    if spent and (is_same_recipe or (champion and before)):
        return _kept(comparison, scorer.digest, spent[-1], is_same_recipe=is_same_recipe), None
    decision = decide_promotion(
        comparison,
        scorer,
        is_same_recipe=is_same_recipe,
        has_signature=has_signature,
        tries=before + 1,
    )
    if is_same_recipe:
        return decision, None
    first, last = span_of(comparison.test)
    return decision, SpentPeriod(
        task=task.name,
        first_as_of=first,
        last_as_of=last,
        challenger=recipe,
        digest=scorer.digest,
        champion=champion,
        demands=demands_of(task),
        labels_through=labels_through,
        try_number=before + 1,
        promoted=decision.promoted,
        reason=decision.reason,
        gates=gates_as_json(decision.gates),
    )


def _repeated(comparison: Comparison, earlier: SpentPeriod) -> PromotionDecision:
    """What the same test decided."""
    return PromotionDecision(
        challenger=comparison.challenger,
        digest=earlier.digest,
        gates=earlier.gate_results,
        promoted=earlier.promoted,
        reason=earlier.reason,
    )


def _kept(
    comparison: Comparison, digest: str, last: SpentPeriod, *, is_same_recipe: bool
) -> PromotionDecision:
    """Nothing is tested, and the champion's recipe stays. Gates show what they answered last."""
    if is_same_recipe:
        reason = comparison.same_recipe_reason
    else:
        reason = (
            f"{comparison.challenger} is not tested yet, and the champion's recipe stays: the next "
            f"period opens with {comparison.task.test_periods} as-of dates after "
            f"{last.last_as_of}, which tested last."
        )
    return PromotionDecision(
        challenger=comparison.challenger,
        digest=digest,
        gates=last.gate_results,
        promoted=False,
        reason=f"{reason} It was chosen on {comparison.chosen_on}.",
    )
