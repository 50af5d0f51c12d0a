"""Writes a model folder: the model file and its card (`serve/model/card.py` is the format). No registry, no scoring here."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retention_assets.modeling.calibration import wilson_half_width
from retention_assets.modeling.evaluation.metrics import Economics
from retention_assets.modeling.examples import Bools, Examples, Floats
from retention_assets.modeling.pipeline import Trained
from serve.model.bundle import digest_of
from serve.model.card import CARD_FILE, CARD_FORMAT, MODEL_FILES, Card, fingerprint_of

REFERENCE_PERCENTILES = {"low": 0.5, "median": 50.0, "high": 99.5}


@dataclass(frozen=True)
class Origin:
    """Where a model comes from: what its card says beside the model itself. `examples` names the table it learned from."""

    task: str
    source: str
    examples: str
    seed: int
    train: Bools
    test: Bools
    settings: dict[str, int]
    risk_levels: dict[str, float]
    economics: Economics


def write_bundle(folder: Path, trained: Trained, data: Examples, origin: Origin) -> str:
    """Replaces the folder by this model's and returns its digest."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    card = card_of(trained, data, origin)
    (folder / card["model_file"]).write_bytes(trained.model.fitted.model)
    Card.model_validate(card)
    (folder / CARD_FILE).write_text(
        json.dumps(card, indent=1, sort_keys=True, allow_nan=False) + "\n"
    )
    return digest_of(folder)


def card_of(trained: Trained, data: Examples, origin: Origin) -> dict[str, Any]:
    """The card. It holds no clock and no path: the same data and settings give the same digest."""
    candidate, preprocess = trained.model.candidate, trained.model.fitted.preprocess
    edges, half_width = wilson_half_width(trained.calibration_p, trained.calibration_y)
    return {
        "format": CARD_FORMAT,
        "task": origin.task,
        "candidate": candidate.name,
        "kind": candidate.kind,
        "model_file": MODEL_FILES[candidate.kind],
        "features": list(data.features),
        "fingerprint": fingerprint_of(data.features),
        "preprocess": preprocess
        and {name: getattr(preprocess, name).tolist() for name in ("fill", "mean", "scale")},
        "calibration": {"kind": "platt", "a": trained.model.platt.a, "b": trained.model.platt.b},
        "threshold": threshold(trained.calibration_p, origin.economics),
        "risk_levels": origin.risk_levels,
        "reference": _reference(data.X[origin.train]),
        "confidence": {"edges": edges, "half_width": half_width},
        "trained_as_of": _span(data, origin.train),
        "test_as_of": _span(data, origin.test),
        "source": origin.source,
        "seed": origin.seed,
        "data_versions": {origin.examples: data.fingerprint},
        "settings": origin.settings,
    }


def threshold(p: Floats, economics: Economics) -> float:
    """Who is worth a contact: among the capacity's likeliest, and above break-even."""
    capacity = float(np.quantile(p, 1 - economics.capacity_share))
    return min(max(capacity, economics.breakeven), 1.0)


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
