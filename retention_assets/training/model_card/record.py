"""The record of a promoted model: what its own card (serve/model/card.py) does not hold.

Made once, at the promotion; stored as JSON beside the model and read by the command and the card.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.evaluation.stability import figures_by_period, figures_by_slice
from retention_assets.modeling.examples import Bools, Examples
from retention_assets.modeling.promotion.comparison import Comparison
from retention_assets.modeling.promotion.decision import PromotionDecision
from retention_assets.modeling.promotion.evidence import CHAMPION
from retention_assets.modeling.promotion.probability_gates import large_slices
from retention_assets.resources.code_version import CodeVersion
from retention_assets.training.model_card.provenance import Provenance
from serve.model.card import Card

Row = dict[str, Any]


class _RecordPart(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class RowCount(_RecordPart):
    """Rows of a period, their customers, and the share of positives."""

    rows: int
    entities: int
    base_rate: float


class RankAgreement(_RecordPart):
    """How the scores of two models rank the same rows: the examples of one as-of day.

    `rank_correlation` is Spearman's; None where one of the models gives every row the same score.
    """

    previous_version: str
    as_of: str
    rows: int
    rank_correlation: float | None


class ModelRecord(_RecordPart):
    """`metrics`: the challenger, the baselines and the champion of that time on the untouched
    period, with 95 % intervals. `weeks`, `slices`: the tested recipe of this model alone.
    `agreement`: with the champion before; None if there was none, or it reads other features.
    """

    format: Literal[1] = 1
    code: CodeVersion
    watermark: str | None
    tables: dict[str, int]
    definitions: dict[str, str]
    trained: RowCount
    tested: RowCount
    calibration_tolerance: float
    money_assumes_that: str
    reason: str
    gates: list[Row]
    metrics: list[Row]
    weeks: list[Row]
    slices: list[Row]
    agreement: RankAgreement | None


def model_record(
    comparison: Comparison,
    decision: PromotionDecision,
    *,
    tested: Evaluation,
    card: Card,
    data: Examples,
    definitions: Mapping[str, str],
    provenance: Provenance,
    agreement: RankAgreement | None,
) -> ModelRecord:
    """The record of the model with this card, whose recipe was `tested` on the comparison's rows.

    `data`: all examples. `definitions`: further digests.
    """
    task = comparison.task
    test = comparison.test
    slices = large_slices(test, task.median_slices)
    return ModelRecord(
        code=provenance.code,
        watermark=provenance.watermark,
        tables=dict(provenance.tables),
        definitions={**provenance.definitions, **definitions},
        trained=row_count(data, _within(data, card.trained_as_of)),
        tested=row_count(test, np.full(len(test), True)),
        calibration_tolerance=task.calibration_tolerance,
        money_assumes_that=task.utility.assumption,
        reason=decision.reason,
        gates=[
            {"gate": gate.name, "passed": gate.passed, "reason": gate.reason}
            | {"figures": _finite(gate.figures)}
            for gate in decision.gates
        ],
        metrics=[_finite(row) for row in _metrics(comparison)],
        weeks=figures_by_period(test, tested.p, task.utility),
        slices=figures_by_slice(test, tested.p, slices, task.utility),
        agreement=agreement,
    )


def row_count(data: Examples, rows: Bools) -> RowCount:
    """Counts of the rows of a mask; the base rate is by their weights."""
    counted = data.take(rows)
    return RowCount(
        rows=len(counted),
        entities=len(np.unique(counted.entities)),
        base_rate=float(np.average(counted.y, weights=counted.w)) if len(counted) else 0.0,
    )


def _metrics(comparison: Comparison) -> list[Row]:
    """A row for each scorer that the gates compared."""
    rows = comparison.scores.rows({comparison.challenger})
    return [row | {"kind": CHAMPION} if row["candidate"] == CHAMPION else row for row in rows]


def _within(data: Examples, span: list[str]) -> Bools:
    """Rows whose as-of day lies in a span of a card, [first, last]."""
    if not span:
        return np.full(len(data), False)
    return (data.as_of >= np.datetime64(span[0])) & (data.as_of <= np.datetime64(span[-1]))


def _finite(row: Mapping[str, Any]) -> Row:
    """The row without figures that JSON cannot hold."""
    return {
        name: value
        for name, value in row.items()
        if not isinstance(value, float) or math.isfinite(value)
    }
