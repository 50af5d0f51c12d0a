"""What the readings say: four results, each with its figures. Arrays in, values out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from retention_assets.features.availability import LABEL_TABLES, label_origin
from retention_assets.features.feature import Feature
from retention_assets.features.lineage import feature_lineage
from retention_assets.keys import validated
from retention_assets.modeling.examples import Bools, Floats
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Profile
from retention_assets.training.leak_audit.readings import Readings

LISTED = 5  # features that a sentence names
NO_GAP: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class AuditResult:
    """Whether a part of the audit passes, what it says in a few sentences, and its figures."""

    passed: bool
    summary: str
    figures: Mapping[str, int | float | str]


def compare_as_of(readings: Readings, gap: Mapping[str, float] = NO_GAP) -> AuditResult:
    """Whether each stored value is that of the example's day, read from nothing but what was known
    by then.

    A naive join takes today's values. Where they differ from those of the day, a stored value shows
    by which join it was made. `gap`: what `auc_gap` says, for the report.
    """
    wrong = differs(readings.stored, readings.known)
    changed = differs(readings.latest, readings.known)
    of_today = wrong & changed & ~differs(readings.stored, readings.latest)
    figures = {
        "examples": len(readings),
        "values": wrong.size,
        "values_not_of_their_day": int(wrong.sum()),
        "values_of_today_instead": int(of_today.sum()),
        "values_that_differ_today": int(changed.sum()),
    }
    summary = (
        f"{wrong.sum()} of {wrong.size} stored values are not those of their day. "
        f"{changed.sum()} are others today."
    )
    if gap:
        summary += (
            f" With today's values a linear model would have an AUC of {gap['auc_naive']:.3f} "
            f"instead of {gap['auc_as_of']:.3f} (difference {gap['auc_gap_low']:.3f} to "
            f"{gap['auc_gap_high']:.3f})."
        )
    summary += _wrong_features(readings, wrong)
    return AuditResult(not wrong.any(), summary, {**figures, **gap})


def replay_backfill(readings: Readings) -> AuditResult:
    """Whether facts that arrive too late for the examples leave every stored byte as it is, and
    would not have done so had they arrived in time.
    """
    changed = differs(readings.stored, readings.replayed)
    counted = differs(readings.known, readings.in_time).any(axis=1)
    figures = {
        "examples": len(readings),
        "values": changed.size,
        "values_changed_by_late_facts": int(changed.sum()),
        "examples_changed_by_facts_in_time": int(counted.sum()),
    }
    summary = (
        f"A planted late backfill changes {changed.sum()} of {changed.size} stored values. A day "
        f"earlier the same facts change {counted.sum()} of {len(readings)} examples."
    )
    passed = not changed.any() and bool(counted.any())
    return AuditResult(passed, summary + _wrong_features(readings, changed), figures)


def plant_future_values(readings: Readings) -> AuditResult:
    """Whether `compare_as_of` refuses a training set with a feature from the future. Each feature
    in turn gets its values at the end of the label window, in examples that are otherwise right.
    """
    differing = differs(readings.future, readings.known).any(axis=0)
    planted = np.flatnonzero(differing).tolist()
    missed = [
        readings.features[column]
        for column in planted
        if compare_as_of(_with_future(readings, column)).passed
    ]
    figures = {
        "features_planted": len(planted),
        "features_refused": len(planted) - len(missed),
        "features_without_change": int((~differing).sum()),
    }
    summary = (
        f"{figures['features_refused']} of {len(planted)} features are refused when they hold the "
        f"values at the end of the label window. In the sample, "
        f"{figures['features_without_change']} others do not change until then."
    )
    if missed:
        summary += f" Not refused: {_listed(missed)}."
    return AuditResult(bool(planted) and not missed, summary, figures)


def trace_label_columns(
    features: Iterable[Feature],
    profile: Profile,
    *,
    stored: Iterable[str],
    bookkeeping: Iterable[str],
) -> AuditResult:
    """Whether no feature is computed from what says who leaves, by the column lineage, and every
    column of the training set is a declared feature or `bookkeeping`, which models do not read.

    `stored`: all columns of the training set.
    """
    declared = list(features)
    lineage = feature_lineage(declared, TABLES)
    labels = {validated(name) for name in LABEL_TABLES}
    refused = [
        feature.name
        for feature in declared
        if label_origin(feature, profile) or any(key in labels for key, _ in lineage[feature.name])
    ]
    known = {*lineage, *bookkeeping}
    undeclared = [name for name in stored if name not in known]
    columns = {column for origins in lineage.values() for column in origins}
    figures = {
        "features": len(declared),
        "columns_read": len(columns),
        "tables_read": ", ".join(sorted({key for key, _ in columns})),
        "features_from_labels": len(refused),
        "columns_not_declared": len(undeclared),
    }
    summary = (
        f"{len(refused)} of {len(declared)} features are computed from what defines the label. "
        f"{len(undeclared)} columns of the training set have no declared origin."
    )
    if wrong := [*refused, *undeclared]:
        summary += f" Refused: {_listed(wrong)}."
    return AuditResult(not wrong, summary, figures)


def differs(left: Floats, right: Floats) -> Bools:
    """Where two readings are not the same bytes. Unknown equals unknown, whatever its bytes."""
    same_bytes = left.view(np.int64) == right.view(np.int64)
    return ~(same_bytes | (np.isnan(left) & np.isnan(right)))


def _with_future(readings: Readings, column: int) -> Readings:
    planted = readings.known.copy()
    planted[:, column] = readings.future[:, column]
    return replace(readings, stored=planted)


def _wrong_features(readings: Readings, wrong: Bools) -> str:
    """A sentence that names the features with wrong values, and their days; empty without any."""
    if not wrong.any():
        return ""
    names = [readings.features[column] for column in np.flatnonzero(wrong.any(axis=0))]
    days = np.unique(readings.as_of[wrong.any(axis=1)]).astype(str)
    return f" Wrong: {_listed(names)} on {', '.join(days)}."


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
