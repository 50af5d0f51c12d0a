"""Which declared features a source can fill, which it cannot and why, and which define the label.

Works on names alone: no frame is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, get_args

from retention_assets.errors import LeakError
from retention_assets.features.declarations import FEATURES
from retention_assets.features.expressions import (
    DaysSince,
    Expression,
    GreaterThan,
    LessThan,
    WeightedScore,
    attribute_names,
    measure_names,
    walk,
)
from retention_assets.features.feature import Feature, Group
from retention_assets.features.measures import (
    MEASURES,
    MEASURES_BY_NAME,
    Measure,
    SourceTables,
    source_columns,
    why_measure_missing,
)
from retention_assets.sources.ledger import digest_of

# They say who leaves, under any churn definition: no feature may read them.
LABEL_TABLES = frozenset({"churn_events", "churn_labels"})


def why_missing(feature: Feature, tables: SourceTables) -> str | None:
    """Why a source cannot fill this feature, None if it can."""
    if _reduced(feature.expression, tables) is not None:
        return None
    return _missing(feature.expression, tables)[0]


def available_features(declarations: Iterable[Feature], tables: SourceTables) -> list[Feature]:
    """The features that a source can fill, in declared order; scores without what it lacks."""
    reduced = ((feature, _reduced(feature.expression, tables)) for feature in declarations)
    return [
        replace(feature, expression=expression)
        for feature, expression in reduced
        if expression is not None
    ]


def features_by_group(tables: SourceTables) -> dict[Group, list[Feature]]:
    """The features that a source with these tables can fill; groups without any are left out."""
    available = available_features(FEATURES, tables)
    groups = {
        group: [feature for feature in available if feature.group == group]
        for group in get_args(Group)
    }
    return {group: features for group, features in groups.items() if features}


def missing_features(declarations: Iterable[Feature], tables: SourceTables) -> dict[str, str]:
    """Name -> reason, for the features that a source cannot fill."""
    reasons = {feature.name: why_missing(feature, tables) for feature in declarations}
    return {name: reason for name, reason in reasons.items() if reason}


def model_features(tables: SourceTables) -> list[str]:
    """Names of the features that models read, in the order of the feature vectors.

    `tables`: a profile's tables, or table names.
    """
    features = available_features(FEATURES, tables)
    return [feature.name for feature in features if feature.is_model_input]


def definition_of_features(tables: SourceTables) -> str:
    """Changes with the name or the expression of any feature that models read."""
    features = available_features(FEATURES, tables)
    return digest_of(f"{item.name}={item.expression}" for item in features if item.is_model_input)


def refuse_label_columns(
    declarations: Iterable[Feature], profile: Any, by_name: Mapping[str, Measure] = MEASURES_BY_NAME
) -> None:
    """Raises LeakError if a model input reads what defines the label."""
    for feature in declarations:
        if not feature.is_model_input:
            continue
        if origin := label_origin(feature, profile, by_name):
            raise LeakError(
                f"Feature {feature.name} reads {origin}, which defines churn in source "
                f"{profile.name}.",
                "Remove its row in features/declared/, or add `left_out_because` to it, so that no "
                "model reads it.",
            )


def label_origin(
    feature: Feature, profile: Any, by_name: Mapping[str, Measure] = MEASURES_BY_NAME
) -> str | None:
    """What the feature reads of that which defines the label; None if it reads nothing of it.

    That is a table of LABEL_TABLES and, if churn is inactivity, any limit on the days since the
    last purchase.
    """
    for name in sorted(measure_names(feature.expression)):
        measure = by_name[name]
        if measure.table in LABEL_TABLES:
            return f"measure {name} of {measure.table}"
    parts = walk(feature.expression)
    limits = [part for part in parts if isinstance(part, (GreaterThan, LessThan))]
    if profile.churn.kind == "inactivity" and any(
        part.operand == DaysSince("purchases") for part in limits
    ):
        return "a limit on the days since the last purchase"
    return None


def _reduced(expression: Expression, tables: SourceTables) -> Expression | None:
    """The expression without the score components that the source lacks; None if empty."""
    if isinstance(expression, WeightedScore):
        kept = tuple(
            part for part in expression.components if not _missing(part.expression, tables)
        )
        return WeightedScore(kept) if kept else None
    return None if _missing(expression, tables) else expression


def _missing(expression: Expression, tables: SourceTables) -> list[str]:
    """Reasons why parts of the expression have no data, in the declared order of measures."""
    names = measure_names(expression)
    reasons = [
        why_measure_missing(measure, tables) for measure in MEASURES if measure.name in names
    ]
    customers = source_columns(tables).get("customers", frozenset())
    reasons += [
        f"the source has no customers.{name}"
        for name in sorted(attribute_names(expression))
        if name not in customers
    ]
    return [reason for reason in reasons if reason]
