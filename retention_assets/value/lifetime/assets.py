"""value/customer_lifetime_value as a Dagster asset. The models and the counting are beside it."""

from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from retention_assets import keys
from retention_assets.errors import NotTrainableError
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.metadata import asset_key, table_metadata

if TYPE_CHECKING:
    from retention_assets.value.lifetime.customer_values import CustomerValues

OWNERS = ["team:retention"]
AS_OF = "Midnight (UTC) at the start of this day; only what was known then counts."


def lifetime_value(platform: Platform) -> dg.AssetsDefinition:
    """The asset of one source, which has sales."""
    profile = platform.profile
    settings = platform.settings
    key = keys.LIFETIME_VALUE
    is_subscription = profile.churn.kind == "cancellation"
    read = [keys.DAILY_ACTIVITY, keys.CUSTOMERS, keys.CUSTOMER_STATE, keys.WATERMARK]

    @dg.asset(
        key=asset_key(key),
        pool=key,
        deps=[asset_key(name) for name in read],
        kinds={"pyspark", "deltalake", "gold"},
        group_name="value",
        owners=OWNERS,
    )
    def customer_lifetime_value(lake: Lake) -> dg.MaterializeResult:
        """What each customer's purchases will earn over the coming months, discounted, with a 90 %
        interval. Learned from purchases or subscriptions alone, never from the champion.
        """
        from pyspark.sql import functions as F

        from retention_assets.features.current import current_day
        from retention_assets.value.lifetime.customer_values import COLUMNS

        as_of = current_day(lake.read)
        assumed = {
            "as_of": str(as_of),
            "months": settings.lifetime_months,
            "assumes_that": f"{settings.margin_share:.0%} of sales are margin, and money loses "
            f"{settings.annual_discount:.0%} of its value a year",
        }
        try:
            values = _values(lake, platform, as_of, is_subscription=is_subscription)
        except NotTrainableError as error:
            return dg.MaterializeResult(metadata={**assumed, "model": f"none: {error.problem}"})
        frame = values.frame.withColumn("as_of", F.lit(as_of))
        rows = lake.overwrite(key, frame)
        descriptions = {name: meaning for name, _, meaning in COLUMNS} | {"as_of": AS_OF}
        columns = table_metadata(frame.schema, rows, descriptions=descriptions)
        return dg.MaterializeResult(metadata=columns | assumed | values.model)

    return customer_lifetime_value


def _values(
    lake: Lake, platform: Platform, as_of: date, *, is_subscription: bool
) -> "CustomerValues":
    from retention_assets.features.point_in_time import customers_as_of
    from retention_assets.validation.versions import read_facts
    from retention_assets.value.lifetime import histories
    from retention_assets.value.lifetime.customer_values import (
        purchase_values,
        subscription_values,
    )
    from retention_assets.value.lifetime.horizon import Horizon

    settings = platform.settings
    horizon = Horizon(settings.annual_discount, settings.lifetime_months)
    tiles = lake.read(keys.DAILY_ACTIVITY)
    if not is_subscription:
        kept = histories.kept_share(tiles, as_of)
        return purchase_values(
            histories.purchase_histories(tiles, as_of),
            horizon=horizon,
            margin_share=settings.margin_share * kept,
            seed=settings.seed,
        )
    facts = read_facts(lake.read, "customers")
    attributes = {"plan"} & set(facts.columns)
    return subscription_values(
        histories.subscription_histories(
            customers_as_of(facts, [as_of], attributes),
            lake.read(keys.CUSTOMER_STATE),
            as_of=as_of,
            history_start=platform.profile.start,
        ),
        histories.recent_sales(tiles, as_of),
        horizon=horizon,
        margin_share=settings.margin_share,
    )
