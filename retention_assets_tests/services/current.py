"""Current states and features of a few customers, with the features that small models know."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from retention_assets import keys
from retention_assets.features.vectors import feature_tables
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets_tests.serve import bundles
from serve.segments import SEGMENT_NAMES
from serve.states import ACTIVE, UNKNOWN

AS_OF = date(2024, 3, 4)
Vector = Sequence[float | None]  # in the order of bundles.FEATURES
# Where a real source has these features.
TABLES = {
    "recency_days": "transactions",
    "engagement_score": "behavior",
    "support_tickets_30d": "behavior",
}


def fill(
    lake: Lake,
    platform: Platform,
    customers: Mapping[str, Vector],
    as_of: date = AS_OF,
    states: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Makes all feature tables of the platform hold these customers. `states`: of those who are not
    active. The segment of those who have lapsed or left is their state; others are regulars.
    """
    current = [(name, as_of, states.get(name, ACTIVE)) for name in customers]
    schema = "customer_id string, as_of date, state string"
    lake.overwrite(keys.CUSTOMER_STATE, lake.spark.createDataFrame(current, schema))
    segments = [
        (name, as_of, state if state in SEGMENT_NAMES else "regulars")
        for name, _, state in current
        if state != UNKNOWN
    ]
    schema = "customer_id string, as_of date, segment string"
    lake.overwrite(keys.CUSTOMER_SEGMENTS, lake.spark.createDataFrame(segments, schema))
    for table in feature_tables(platform.profile.tables):
        positions = [at for at, name in enumerate(bundles.FEATURES) if table.endswith(TABLES[name])]
        schema = ", ".join(
            [
                "customer_id string",
                "as_of date",
                *(f"{bundles.FEATURES[at]} double" for at in positions),
            ]
        )
        rows = [
            (name, as_of, *(vector[at] for at in positions)) for name, vector in customers.items()
        ]
        lake.overwrite(table, lake.spark.createDataFrame(rows, schema))
