"""Which declared features a source can fill, which it cannot and why, and which are refused because they define the label.

Works on names alone: no frame is read here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from retention_assets.errors import LeakError
from retention_assets.features.declarations import FEATURES, Feature
from retention_assets.features.expressions import (
    DaysSince,
    Expression,
    GreaterThan,
    LessThan,
    WeightedScore,
    attributes,
    measures,
    walk,
)
from retention_assets.features.measures import (
    MEASURES,
    MEASURES_BY_NAME,
    Measure,
    Tables,
    source_columns,
    why_measure_missing,
)

# Written when a customer leaves, whatever the churn definition: nothing of it may feed a feature.
LABEL_TABLES = frozenset({"churn_events"})


def why_missing(feature: Feature, tables: Tables) -> str | None:
    """Why a source cannot fill this feature, None when it can."""
    if _reduced(feature.expression, tables) is not None:
        return None
    return _missing(feature.expression, tables)[0]


def available_features(declarations: Iterable[Feature], tables: Tables) -> list[Feature]:
    """The features that a source can fill, in declared order; scores are kept with the components that it has."""
    reduced = ((feature, _reduced(feature.expression, tables)) for feature in declarations)
    return [
        replace(feature, expression=expression)
        for feature, expression in reduced
        if expression is not None
    ]


def missing_features(declarations: Iterable[Feature], tables: Tables) -> dict[str, str]:
    """Name -> reason, for the features that a source cannot fill."""
    reasons = {feature.name: why_missing(feature, tables) for feature in declarations}
    return {name: reason for name, reason in reasons.items() if reason}


def model_features(tables: Tables) -> list[str]:
    """Names of the features that models see, in the one order that vectors have. `tables`: a profile's tables, or names."""
    return [feature.name for feature in available_features(FEATURES, tables) if feature.model_input]


def refuse_label_columns(
    declarations: Iterable[Feature], profile: Any, by_name: Mapping[str, Measure] = MEASURES_BY_NAME
) -> None:
    """Raises LeakError where a model input reads what defines the label.

    That is the table of churn events, a label column that the profile names, and, where churn is inactivity, any rule
    that puts a limit on the days since the last purchase.
    """
    for feature in declarations:
        if not feature.model_input:
            continue
        if leak := _leak(feature.expression, profile, by_name):
            raise LeakError(
                f"Feature {feature.name} reads {leak}, which defines churn in source {profile.name}.",
                "Take it out of features/declarations.py, or declare it with model_input=False.",
            )


def _leak(expression: Expression, profile: Any, by_name: Mapping[str, Measure]) -> str | None:
    label_column = getattr(profile.churn, "column", None)
    for name in sorted(measures(expression)):
        measure = by_name[name]
        if measure.table in LABEL_TABLES:
            return f"measure {name} of {measure.table}"
        if label_column and label_column in (*measure.columns, measure.value):
            return f"column {label_column}"
    if label_column and label_column in attributes(expression):
        return f"column {label_column}"
    limits = [part for part in walk(expression) if isinstance(part, (GreaterThan, LessThan))]
    if profile.churn.kind == "inactivity" and any(
        part.operand == DaysSince("purchases") for part in limits
    ):
        return "a limit on the days since the last purchase"
    return None


def _reduced(expression: Expression, tables: Tables) -> Expression | None:
    """The expression as far as the source reaches: scores without the components it lacks; None when nothing is left."""
    if isinstance(expression, WeightedScore):
        kept = tuple(
            part for part in expression.components if not _missing(part.expression, tables)
        )
        return WeightedScore(kept) if kept else None
    return None if _missing(expression, tables) else expression


def _missing(expression: Expression, tables: Tables) -> list[str]:
    """Reasons why parts of the expression have no data, in the declared order of measures."""
    needed = measures(expression)
    reasons = [why_measure_missing(measure, tables) for measure in MEASURES if measure.name in needed]
    source = source_columns(tables)
    customers = source.get("customers", frozenset())
    reasons += [
        f"the source has no customers.{name}"
        for name in sorted(attributes(expression))
        if name not in customers
    ]
    return [reason for reason in reasons if reason]
