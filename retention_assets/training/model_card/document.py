"""All that is known of a registered version: the model card and `retention model` show the same."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retention_assets.errors import RegistryError
from retention_assets.resources.champion_history import ChampionTerm
from retention_assets.resources.registry import ModelVersion, Registry
from retention_assets.training.model_card.record import ModelRecord
from serve.model.bundle import read_card
from serve.model.card import Card

RECORD = "record.json"
# The rest of a bundle's card is numbers that only the scorer needs.
SHOWN_OF_CARD = {
    "kind",
    "features",
    "fingerprint",
    "threshold",
    "risk_levels",
    "trained_as_of",
    "test_as_of",
    "source",
    "seed",
    "data_versions",
    "settings",
}


@dataclass(frozen=True)
class ModelDocument:
    """`terms`: when the version was champion; the last one has no end if it is champion now.
    `record` is None for a version of before records were kept.
    """

    version: ModelVersion
    card: Card
    record: ModelRecord | None
    terms: list[ChampionTerm]

    @property
    def is_champion(self) -> bool:
        """Whether the version is the champion now."""
        return bool(self.terms) and self.terms[-1].ended_at is None

    def as_json(self) -> dict[str, Any]:
        """The document as plain values."""
        version = self.version
        return {
            "task": version.task,
            "version": version.version,
            "candidate": version.candidate,
            "digest": version.digest,
            "registered_at": version.registered_at,
            "mlflow_run": version.run_id,
            "is_champion": self.is_champion,
            "champion": [asdict(term) for term in self.terms],
            "card": self.card.model_dump(include=SHOWN_OF_CARD),
            "record": self.record.model_dump(mode="json") if self.record else None,
        }


def read_document(registry: Registry, task: str, version: str | None = None) -> ModelDocument:
    """The document of a version, by default of the champion. Raises RegistryError without one."""
    terms = registry.history(task)
    if version is None and not terms:
        raise RegistryError("There is no champion yet.", "Run the graph first: `retention run`.")
    registered = registry.version(task, version or terms[-1].version)
    text = registry.read_document(registered, RECORD)
    folder = registry.download(task, registered.version, registry.downloads)
    return ModelDocument(
        version=registered,
        card=read_card(folder),
        record=ModelRecord.model_validate_json(text) if text else None,
        terms=[term for term in terms if term.version == registered.version],
    )


def term_rows(terms: list[ChampionTerm]) -> list[Mapping[str, Any]]:
    """The champions for a table, the present one first."""
    return [
        {
            "version": term.version,
            "from": term.began_at,
            "to": term.ended_at or "now",
            "data through": term.began_watermark or "not recorded",
            "why": term.reason,
        }
        for term in reversed(terms)
    ]
