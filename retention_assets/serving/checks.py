"""Checks of serving/*: what is online is what the tables and the registry say."""

import time

import dagster as dg

from retention_assets import keys
from retention_assets.features.stream.progress import progress_file, read_progress
from retention_assets.features.vectors import CURRENT, read_vectors
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry

SAMPLE = 200


def published_equals_table(tables: list[str], *, is_streamed: bool) -> dg.AssetChecksDefinition:
    """`is_streamed`: vectors may be newer than the tables, and there may be more of them."""

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
        if is_streamed:
            pairs = zip(sample, stored, strict=True)
            old = [pair for pair in pairs if not pair[1] or pair[1].as_of <= vectors.as_of]
            sample = [at for at, _ in old]
            stored = [vector for _, vector in old]
        wrong = differing(vectors, stored, sample)
        size = online.size()
        has_all = size >= len(vectors) if is_streamed else size == len(vectors)
        return dg.AssetCheckResult(
            passed=not wrong and has_all,
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


def stream_keeps_up(platform: Platform) -> dg.AssetChecksDefinition:
    file = progress_file(platform.settings.stream_dir)
    limit_s = platform.settings.max_stream_lag_s

    @dg.asset_check(asset=asset_key(keys.STREAM))
    def stream_keeps_up() -> dg.AssetCheckResult:
        """The stream's process runs, and rows are online within RETENTION_MAX_STREAM_LAG_S."""
        progress = read_progress(file)
        if progress is None:
            return dg.AssetCheckResult(passed=False, description="The stream has not run yet.")
        silence_s = time.time() - progress.updated_at
        lag_s = max(progress.lag_s, silence_s)
        return dg.AssetCheckResult(
            passed=lag_s <= limit_s and not progress.problem,
            description=progress.problem
            or f"The newest rows took {progress.lag_s:.1f} s to be"
            f" online; the process last wrote its progress {silence_s:.0f} s ago.",
            metadata={"lag_s": lag_s, "limit_s": limit_s},
        )

    return stream_keeps_up


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
