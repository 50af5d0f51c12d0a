"""Checks of serving/*: what is online is what the tables and the registry say."""

import dagster as dg

from retention_assets import keys
from retention_assets.features.vectors import CURRENT, read_vectors
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry

SAMPLE = 200


def published_equals_table(tables: list[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset_key(keys.ONLINE_FEATURES),
        additional_deps=[asset_key(name) for name in (*tables, *CURRENT)],
    )
    def published_equals_table(
        lake: Lake, online: dg.ResourceParam[OnlineStore]
    ) -> dg.AssetCheckResult:
        """The online store holds the same vectors, states and segments as the tables, and equally
        many.
        """
        from retention_assets.features.publish import differing

        metadata = online.meta()
        if metadata is None:
            return dg.AssetCheckResult(
                passed=False, description="No complete set of features is in the online store."
            )
        vectors = read_vectors(lambda key: lake.read(key).toArrow(), tables, metadata["names"])
        sample = list(range(0, len(vectors), max(1, len(vectors) // SAMPLE)))
        stored = online.read([vectors.ids[at] for at in sample], vectors.features)
        wrong = differing(vectors, stored, sample)
        size = online.size()
        return dg.AssetCheckResult(
            passed=not wrong and size == len(vectors),
            description=f"{len(wrong)} of {len(sample)} sampled vectors differ; {size} are stored,"
            f" {len(vectors)} are in the tables.",
            metadata={
                "sampled": len(sample),
                "differing": len(wrong),
                "stored": size,
                "in_tables": len(vectors),
            },
        )

    return published_equals_table


def deployed_digest_is_champion() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset_key(keys.CHAMPION_DEPLOYMENT))
    def deployed_digest_is_champion(
        registry: Registry, deployer: dg.ResourceParam[Deployer]
    ) -> dg.AssetCheckResult:
        """The model that answers over HTTP is the registry's champion, by digest."""
        champion = registry.champion(keys.CHURN)
        if champion is None:
            return dg.AssetCheckResult(
                passed=True, description="No champion yet, nothing to compare."
            )
        answering = (deployer.ready() or {}).get("model_digest", "none")
        return dg.AssetCheckResult(
            passed=answering == champion.digest,
            metadata={
                "champion": champion.digest,
                "answering": answering,
                "version": champion.version,
            },
        )

    return deployed_digest_is_champion
