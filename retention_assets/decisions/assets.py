"""decisions/*: scores of all customers, as Dagster assets. Scoring is in scores.py and serve/."""

import dagster as dg

from retention_assets import keys
from retention_assets.decisions.checks import every_customer_scored
from retention_assets.features.availability import definition_of_features
from retention_assets.features.vectors import CURRENT, feature_tables, read_vectors
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, png, table_metadata
from retention_assets.resources.registry import Registry
from retention_assets.training.champion.promotion import refuse_other_features


def assets(platform: Platform) -> list[dg.AssetsDefinition | dg.AssetChecksDefinition]:
    """The stage's assets for one source."""
    tables = feature_tables(platform.profile.tables)
    return [_churn_scores(platform, tables), every_customer_scored()]


def _churn_scores(platform: Platform, tables: list[str]) -> dg.AssetsDefinition:
    definition = definition_of_features(platform.profile.tables)
    settings = platform.settings
    values = [keys.LIFETIME_VALUE] if platform.profile.has("transactions") else []

    @dg.asset(
        key=asset_key(keys.CHURN_SCORES),
        pool=keys.CHURN_SCORES,
        deps=[asset_key(name) for name in (*tables, *CURRENT, *values, keys.CHURN_CHAMPION)],
        kinds={"numpy", "deltalake", "gold"},
        group_name="decisions",
        owners=["team:retention"],
    )
    def churn_scores(lake: Lake, registry: Registry) -> dg.MaterializeResult:
        """Each customer's probability of churn, its reasons, and recommended actions. There is no
        probability for customers who have lapsed or left.
        """
        from retention_assets.decisions import customer_value
        from retention_assets.decisions.plots import risk_histogram
        from retention_assets.decisions.scores import (
            DESCRIPTIONS,
            SCHEMA,
            level_shares,
            score_rows,
        )
        from serve.model.bundle import load_bundle

        champion = registry.champion(keys.CHURN)
        if champion is None:
            return dg.MaterializeResult(metadata={"scores": "none: there is no champion yet"})
        refuse_other_features(champion, definition)
        scorer = load_bundle(
            registry.download(keys.CHURN, champion.version, registry.downloads), champion.digest
        )
        vectors = read_vectors(lambda key: lake.read(key).toArrow(), tables, scorer.features)
        rows = score_rows(scorer, vectors, champion.version)
        frame = customer_value.with_contact_profit(
            lake.spark.createDataFrame(rows, SCHEMA),
            lake.read(values[0]) if values and lake.exists(values[0]) else None,
            contact_cost=settings.contact_cost,
            save_rate=settings.save_rate,
        )
        count = lake.overwrite(keys.CHURN_SCORES, frame)
        scored = [row for row in rows if row["risk_level"]]
        shares = {
            f"share_{level.lower()}": round(share, 4)
            for level, share in level_shares(scored).items()
        }
        probabilities = [row["churn_probability"] for row in scored]
        picture = risk_histogram(
            probabilities, scorer.card.risk_levels.model_dump(), scorer.card.threshold
        )
        model = {
            "scored": len(scored),
            "model_version": champion.version,
            "model_digest": champion.digest,
            "risk": png(picture),
            "contact_profit_assumes_that": f"a contact costs {settings.contact_cost:g} and keeps "
            f"{settings.save_rate:.0%} of those who would leave",
        }
        descriptions = DESCRIPTIONS | customer_value.DESCRIPTIONS
        columns = table_metadata(frame.schema, count, descriptions=descriptions)
        return dg.MaterializeResult(metadata=columns | shares | model)

    return churn_scores
