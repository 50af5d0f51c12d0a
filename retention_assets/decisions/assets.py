"""decisions/*: scores of all customers, as Dagster assets. Scoring is in scores.py and serve/."""

import dagster as dg

from retention_assets import keys
from retention_assets.decisions.checks import every_customer_scored
from retention_assets.features.availability import definition_of_features
from retention_assets.features.vectors import feature_tables, vectors_of
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, png, table_metadata
from retention_assets.resources.registry import Registry
from retention_assets.training.promotion import refuse_other_features


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    tables = feature_tables(platform.profile.tables)
    return [_churn_scores(platform, tables), every_customer_scored(tables)]


def _churn_scores(platform: Platform, tables: list[str]) -> dg.AssetsDefinition:
    knows_who_left = platform.profile.has("churn_events")
    facts = [keys.CHURN_EVENTS] if knows_who_left else []
    definition = definition_of_features(platform.profile.tables)

    @dg.asset(
        key=asset_key(keys.CHURN_SCORES),
        pool=keys.CHURN_SCORES,
        deps=[asset_key(name) for name in (*tables, keys.CHURN_CHAMPION, *facts)],
        kinds={"numpy", "deltalake", "gold"},
        group_name="decisions",
        owners=["team:retention"],
    )
    def churn_scores(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Each customer's probability of churn, its reasons, and recommended actions."""
        from pyspark.sql import functions as F

        from retention_assets.decisions.plots import risk_histogram
        from retention_assets.decisions.scores import (
            DESCRIPTIONS,
            GONE,
            SCHEMA,
            level_shares,
            score_rows,
        )
        from retention_assets.features.point_in_time import known_at
        from retention_assets.validation.versions import read_facts
        from serve.model.bundle import load_bundle

        champion = registry.champion(keys.CHURN)
        if champion is None:
            return dg.MaterializeResult(metadata={"scores": "none: there is no champion yet"})
        refuse_other_features(champion, definition)
        scorer = load_bundle(
            registry.download(keys.CHURN, champion.version, registry.downloads), champion.digest
        )
        vectors = vectors_of([lake.read(name).toArrow() for name in tables], scorer.features)
        gone = set()
        if knows_who_left:
            as_of = F.lit(vectors.as_of)
            left = read_facts(lake.read, "churn_events").where(known_at(as_of, as_of))
            gone = {row["customer_id"] for row in left.select("customer_id").distinct().collect()}
        rows = score_rows(scorer, vectors, champion.version, gone)
        frame = lake.spark.createDataFrame(rows, SCHEMA)
        count = lake.overwrite(keys.CHURN_SCORES, frame)
        remaining = [row for row in rows if row["segment"] != GONE]
        shares = {
            f"share_{level.lower()}": round(share, 4)
            for level, share in level_shares(remaining).items()
        }
        probabilities = [row["churn_probability"] for row in remaining]
        picture = risk_histogram(
            probabilities, scorer.card.risk_levels.model_dump(), scorer.card.threshold
        )
        model = {
            "model_version": champion.version,
            "model_digest": champion.digest,
            "risk": png(picture),
        }
        columns = table_metadata(frame.schema, count, descriptions=DESCRIPTIONS)
        return dg.MaterializeResult(metadata=columns | shares | model)

    return churn_scores
