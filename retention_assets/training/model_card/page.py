"""What the champion's page in Dagster shows of its version: the card, and all champions so far."""

from typing import TYPE_CHECKING, Any

from retention_assets.resources.metadata import markdown, rows_as_table
from retention_assets.training.model_card.document import read_document, term_rows
from retention_assets.training.model_card.markdown import card_markdown

if TYPE_CHECKING:
    from retention_assets.resources.registry import Registry


def champion_page(registry: "Registry", task: str) -> dict[str, Any]:
    """Metadata of the champion's asset; empty without a champion."""
    terms = registry.history(task)
    if not terms:
        return {}
    document = read_document(registry, task)
    metadata: dict[str, Any] = {
        "model_card": markdown(card_markdown(document)),
        "champions": rows_as_table(term_rows(terms)),
    }
    agreement = document.record.agreement if document.record else None
    if agreement and agreement.rank_correlation is not None:
        metadata["rank_correlation_with_previous"] = agreement.rank_correlation
    return metadata
