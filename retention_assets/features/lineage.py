"""From which validated columns features and measures are computed, and what they mean.

Plain mappings; the asset turns them into Dagster's column lineage and column descriptions.
"""

from collections.abc import Iterable

from retention_assets import keys
from retention_assets.features.expressions import (
    DaysSince,
    Exposure,
    Expression,
    TenureDays,
    WindowRate,
    attribute_names,
    measure_names,
    walk,
)
from retention_assets.features.feature import Feature
from retention_assets.features.measures import MEASURES_BY_NAME, Measure, SourceTables

# (asset key, column name)
ColumnOrigin = tuple[str, str]

_SIGNUP: ColumnOrigin = (keys.CUSTOMERS, "event_ts")
# A tile belongs to a customer and a day, so every measure depends on these columns.
_TILE_KEYS = ("customer_id", "event_ts")


def tile_lineage(measures: Iterable[Measure]) -> dict[str, list[ColumnOrigin]]:
    """Measure name -> the validated columns that it is counted from."""
    return {measure.name: _measure_origins(measure) for measure in measures}


def feature_lineage(
    features: Iterable[Feature], tables: SourceTables
) -> dict[str, list[ColumnOrigin]]:
    """Feature name -> the validated columns that it is computed from, through the tiles.

    `tables`: a profile's tables, or table names; columns of other tables are left out.
    """
    validated = {keys.validated(name) for name in tables}
    return {
        feature.name: [origin for origin in _origins(feature.expression) if origin[0] in validated]
        for feature in features
    }


def feature_sources(
    features: Iterable[Feature], tables: SourceTables
) -> dict[str, list[ColumnOrigin]]:
    """Feature name -> the columns it reads directly: measures of tiles and customer columns."""
    declared = list(features)
    origins = feature_lineage(declared, tables)
    return {
        feature.name: [
            *((keys.DAILY_ACTIVITY, name) for name in sorted(measure_names(feature.expression))),
            *(origin for origin in origins[feature.name] if origin[0] == keys.CUSTOMERS),
        ]
        for feature in declared
    }


def state_origins(tables: Iterable[str]) -> list[ColumnOrigin]:
    """The validated columns that a customer's state is computed from."""
    return [(keys.validated(name), "event_ts") for name in tables]


def measure_descriptions(measures: Iterable[Measure]) -> dict[str, str]:
    """Measure name -> its meaning."""
    return {measure.name: measure.meaning for measure in measures}


def feature_descriptions(features: Iterable[Feature]) -> dict[str, str]:
    """Feature name -> its meaning."""
    return {feature.name: feature.meaning for feature in features}


def _measure_origins(measure: Measure) -> list[ColumnOrigin]:
    key = keys.validated(measure.table)
    return [(key, column) for column in (*_TILE_KEYS, *measure.columns)]


def _origins(expression: Expression) -> list[ColumnOrigin]:
    origins: list[ColumnOrigin] = []
    for name in sorted(measure_names(expression)):
        origins += _measure_origins(MEASURES_BY_NAME[name])
    origins += [(keys.CUSTOMERS, name) for name in sorted(attribute_names(expression))]
    # These parts also read the sign-up date.
    tenure = (DaysSince, Exposure, TenureDays, WindowRate)
    if any(isinstance(part, tenure) for part in walk(expression)):
        origins.append(_SIGNUP)
    return list(dict.fromkeys(origins))
