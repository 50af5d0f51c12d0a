"""serving/*: the online features and the champion's deployment, as Dagster assets.

Redis and Ray are reached through resources/.
"""

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import definition_of_features, model_features
from retention_assets.features.stream.progress import (
    progress_file,
    progress_metadata,
    read_progress,
)
from retention_assets.features.vectors import CURRENT, feature_tables, read_vectors
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key
from retention_assets.resources.online import OnlineStore
from retention_assets.resources.registry import Registry
from retention_assets.serving.checks import (
    deployed_digest_is_champion,
    published_equals_table,
    stream_keeps_up,
)
from retention_assets.training.champion.promotion import refuse_other_features

NOTHING = "none: there is no champion yet"
PROBES = 50


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    tables = feature_tables(platform.profile.tables)
    return [
        _online_features(platform, tables),
        published_equals_table(tables, is_streamed=platform.profile.stream is not None),
        _deployment(),
        deployed_digest_is_champion(),
        *([_stream(platform), stream_keeps_up(platform)] if platform.profile.stream else []),
    ]


def _online_features(platform: Platform, tables: list[str]) -> dg.AssetsDefinition:
    profile = platform.profile
    definition = definition_of_features(profile.tables)

    @dg.asset(
        key=asset_key(keys.ONLINE_FEATURES),
        pool=keys.ONLINE_FEATURES,
        # After the champion: the vectors have its features in its order.
        deps=[asset_key(name) for name in (*tables, *CURRENT, keys.CHURN_CHAMPION)],
        kinds={"redis", "numpy"},
        group_name="serving",
        owners=["team:ml"],
    )
    def online_features(
        lake: Lake,
        registry: Registry,
        online: dg.ResourceParam[OnlineStore],
        deployer: dg.ResourceParam[Deployer],
    ) -> dg.MaterializeResult:
        """Each customer's state, segment and features in the online store, where a prediction reads
        them.
        """
        from retention_assets.features.publish import publish
        from serve.model.card import fingerprint_of

        features = _champion_features(registry, definition) or model_features(profile.tables)
        vectors = read_vectors(lambda key: lake.read(key).toArrow(), tables, features)
        publication = publish(online, deployer.snapshots, profile.name, vectors)
        newer = publication.kept_newer
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": len(vectors),
                "as_of": vectors.as_of.isoformat(),
                "fingerprint": fingerprint_of(features),
                "features": len(features),
                "features_absent": ", ".join(vectors.absent) or "none",
                "kept_newer": newer.isoformat() if newer else "none",
                "replaced": publication.replaced,
            }
        )

    return online_features


def _deployment() -> dg.AssetsDefinition:
    @dg.asset(
        key=asset_key(keys.CHAMPION_DEPLOYMENT),
        pool=keys.CHAMPION_DEPLOYMENT,
        deps=[asset_key(name) for name in (keys.CHURN_CHAMPION, keys.ONLINE_FEATURES)],
        kinds={"ray", "python"},
        group_name="serving",
        owners=["team:ml"],
    )
    def champion_deployment(
        registry: Registry,
        online: dg.ResourceParam[OnlineStore],
        deployer: dg.ResourceParam[Deployer],
    ) -> dg.MaterializeResult:
        """The champion, deployed behind HTTP. The previous model answers until it is loaded."""
        champion = registry.champion(keys.CHURN)
        if champion is None:
            return dg.MaterializeResult(metadata={"deployment": NOTHING})
        folder = registry.download(keys.CHURN, champion.version, registry.downloads)
        ready = deployer.deploy(folder, champion.digest, champion.version, keys.CHURN)
        metadata = {
            "deployment": f"version {champion.version} ({champion.candidate})",
            "model_version": champion.version,
            "model_digest": champion.digest,
            "store": ready["store"],
            "url": dg.MetadataValue.url(deployer.url),
        }
        if sample_ids := online.sample_ids(PROBES):
            metadata["predict_p50_ms"] = round(deployer.probe(sample_ids), 2)
        return dg.MaterializeResult(metadata=metadata)

    return champion_deployment


def _stream(platform: Platform) -> dg.AssetsDefinition:
    file = progress_file(platform.settings.stream_dir)

    @dg.asset(
        key=asset_key(keys.STREAM),
        pool=keys.STREAM,
        deps=[asset_key(keys.ONLINE_FEATURES)],
        kinds={"spark", "redis"},
        group_name="serving",
        owners=["team:data-platform"],
    )
    def stream() -> dg.MaterializeResult:
        """The rows that arrive all day long: how many came, how fast they are online, how many wait
        for the daily run. A process of its own takes them; this only reads what it has noted.
        """
        progress = read_progress(file)
        metadata = progress_metadata(progress) if progress else {"state": "nothing taken yet"}
        return dg.MaterializeResult(metadata=metadata)

    return stream


def _champion_features(registry: Registry, definition: str) -> list[str] | None:
    """The champion's features in its order. None: there is no champion yet.

    Raises ContractError if they were defined in another way than those of `definition`.
    """
    from serve.model.bundle import read_card

    champion = registry.champion(keys.CHURN)
    if champion is None:
        return None
    refuse_other_features(champion, definition)
    return list(
        read_card(registry.download(keys.CHURN, champion.version, registry.downloads)).features
    )
