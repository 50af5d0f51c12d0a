"""Writes a model folder: the model file and its card, in the format of `serve/model/card.py`.

Knows no registry and scores nothing.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from retention_assets.modeling.calibration import rate_half_width
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.pipeline import Trained
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.task import Task
from retention_assets.modeling.utility import Utility
from serve.model.bundle import digest_of
from serve.model.card import CARD_FILE, CARD_FORMAT, MODEL_FILES, Card, fingerprint_of

REFERENCE_PERCENTILES = {"low": 0.5, "median": 50.0, "high": 99.5}


def write_bundle(
    folder: Path, trained: Trained, data: Examples, *, split: TrainTestSplit, task: Task
) -> str:
    """Replaces the folder by this model's and returns its digest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    card = card_of(trained, data, split=split, task=task)
    (folder / card["model_file"]).write_bytes(trained.model.fitted.model)
    Card.model_validate(card)
    (folder / CARD_FILE).write_text(
        json.dumps(card, indent=1, sort_keys=True, allow_nan=False) + "\n"
    )
    return digest_of(folder)


def card_of(
    trained: Trained, data: Examples, *, split: TrainTestSplit, task: Task
) -> dict[str, Any]:
    """The card. It holds no time and no path: the same data and settings give the same digest."""
    candidate = trained.model.candidate
    preprocess = trained.model.fitted.preprocess
    edges, half_width = rate_half_width(
        trained.calibration_p,
        trained.calibration_y,
        trained.calibration_entities,
        trained.calibration_weights,
    )
    return {
        "format": CARD_FORMAT,
        "task": task.name,
        "candidate": candidate.name,
        "kind": candidate.kind,
        "model_file": MODEL_FILES[candidate.kind],
        "features": list(data.features),
        "fingerprint": fingerprint_of(data.features),
        "preprocess": preprocess
        and {name: getattr(preprocess, name).tolist() for name in ("fill", "mean", "scale")},
        "calibration": {"kind": "platt", "a": trained.model.platt.a, "b": trained.model.platt.b},
        "threshold": threshold(trained.calibration_p, task.utility),
        "risk_levels": dict(task.risk_levels),
        "reference": _reference(data.X[split.train]),
        "confidence": {"edges": edges, "half_width": half_width},
        "trained_as_of": _span(data, split.train),
        "test_as_of": _span(data, split.test),
        "refitted": bool((split.train & split.test).any()),
        "source": task.source,
        "seed": task.seed,
        "data_versions": {task.examples: data.fingerprint},
        "settings": _window_days(task),
    }


def threshold(p: Floats, utility: Utility) -> float:
    """The probability from which a row is acted on: within capacity, and at least break-even."""
    capacity = float(np.quantile(p, 1 - utility.capacity_share))
    return min(max(capacity, utility.breakeven), 1.0)


def _window_days(task: Task) -> dict[str, int]:
    window = task.label_window
    if window is None:
        return {}
    return {"gap_days": window.gap_days, "horizon_days": window.horizon_days}


def _reference(X: Floats) -> dict[str, list[float | None]]:
    known = ~np.isnan(X).all(axis=0)
    levels = {name: np.full(X.shape[1], np.nan) for name in REFERENCE_PERCENTILES}
    for name, percentile in REFERENCE_PERCENTILES.items():
        levels[name][known] = np.nanpercentile(X[:, known], percentile, axis=0)
    return {
        name: [None if np.isnan(value) else float(value) for value in row]
        for name, row in levels.items()
    }


def _span(data: Examples, rows: Bools) -> list[str]:
    dates = data.as_of[rows]
    return [str(dates.min()), str(dates.max())] if len(dates) else []
