"""A promotion with its record, the card of a version, and who may not be promoted again."""

from dataclasses import replace
from typing import TYPE_CHECKING

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.evaluation.stability import rank_correlation
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision
from retention_assets.resources.champion_history import rollback_of
from retention_assets.training.champion.promotion import (
    FEATURES_TAG,
    RECIPE_TAG,
    TESTED_THROUGH,
    reads_other_features,
)
from retention_assets.training.model_card.document import RECORD, ModelDocument, read_document
from retention_assets.training.model_card.markdown import card_markdown, summary_markdown
from retention_assets.training.model_card.provenance import Provenance
from retention_assets.training.model_card.record import RankAgreement, model_record
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer

if TYPE_CHECKING:
    from retention_assets.resources.registry import Registry

CARD = "model_card.md"


def refuse_rolled_back(
    decision: PromotionDecision,
    registry: "Registry",
    task: str,
    *,
    recipe: str,
    tested_through: str,
) -> PromotionDecision:
    """The decision, without a promotion if a version of this recipe that the same period had tested
    was rolled back from. The next period tests the recipe anew.
    """
    if not decision.promoted:
        return decision
    for term in registry.history(task):
        if term.rolled_back is None:
            continue
        tags = registry.version(task, term.rolled_back).tags
        if (tags.get(RECIPE_TAG), tags.get(TESTED_THROUGH)) == (recipe, tested_through):
            reason = (
                f"Nothing is promoted: this test promoted version {term.rolled_back}, and the "
                f"champion was {term.reason}. The next period tests its recipe anew."
            )
            return replace(decision, promoted=False, reason=reason)
    return decision


def why_refused(registry: "Registry", task: str, digest: str) -> str | None:
    """Why no model with this digest may become champion: it was rolled back from. None: it may.

    A refit on further weeks gives other files.
    """
    rollback = rollback_of(registry.history(task), digest)
    if rollback is None:
        return None
    return (
        f"These are the files of version {rollback.rolled_back}, and the champion was "
        f"{rollback.reason}. A refit on further weeks can be served."
    )


def promote_recorded(
    registry: "Registry",
    version: str,
    *,
    comparison: Comparison,
    decision: PromotionDecision,
    tested: Evaluation,
    scorer: Scorer,
    data: Examples,
    features: str,
    provenance: Provenance,
) -> None:
    """Stores the version's record and makes it the champion.

    `tested`: its recipe on the untouched rows of the comparison. `scorer`: the version itself.
    `data`: all examples. `features`: definition of the features.
    """
    task = comparison.task.name
    previous = registry.champion(task)
    record = model_record(
        comparison,
        decision,
        tested=tested,
        card=scorer.card,
        data=data,
        definitions={FEATURES_TAG: features},
        provenance=provenance,
        agreement=agreement_with_champion(registry, task, scorer, data, features),
    )
    text = record.model_dump_json(indent=1)
    registry.write_document(registry.version(task, version), RECORD, text)
    registry.promote(task, version, reason=decision.reason, watermark=provenance.watermark)
    publish_card(registry, task, version)
    if previous:
        publish_card(registry, task, previous.version)


def agreement_with_champion(
    registry: "Registry", task: str, scorer: Scorer, data: Examples, features: str
) -> RankAgreement | None:
    """How the scorer and the present champion rank the examples of the newest as-of day. None if
    there is no champion, or if it cannot read them.
    """
    champion = registry.champion(task)
    if champion is None or reads_other_features(champion, features):
        return None
    folder = registry.download(task, champion.version, registry.downloads)
    previous = load_bundle(folder, champion.digest)
    if not set(previous.features) <= set(data.features):
        return None
    rows = data.take(data.as_of == data.as_of.max())
    present_scores = scorer.probabilities(rows.columns(scorer.features))
    previous_scores = previous.probabilities(rows.columns(previous.features))
    return RankAgreement(
        previous_version=champion.version,
        as_of=str(rows.as_of[0]),
        rows=len(rows),
        rank_correlation=rank_correlation(present_scores, previous_scores),
    )


def publish_card(registry: "Registry", task: str, version: str) -> ModelDocument:
    """Writes the version's card to MLflow: the whole card as a file, its summary on its page."""
    document = read_document(registry, task, version)
    registry.write_document(document.version, CARD, card_markdown(document))
    registry.describe(document.version, summary_markdown(document))
    return document
