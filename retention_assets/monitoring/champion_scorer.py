"""Loads the champion's model. No tables."""

from typing import TYPE_CHECKING

from retention_assets.resources.registry import ModelVersion, Registry

if TYPE_CHECKING:
    from serve.model.scorer import Scorer


def champion_scorer(champion: ModelVersion, registry: Registry) -> "Scorer":
    """The scorer of the version, whose files are verified by digest."""
    from serve.model.bundle import load_bundle

    folder = registry.download(champion.task, champion.version, registry.downloads)
    return load_bundle(folder, champion.digest)
