"""Small model folders and published vectors for tests."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from retention_assets.resources.online import OnlineStore
from retention_assets_tests.serve.redis_server import RedisServer
from serve.model.bundle import digest_of
from serve.model.card import CARD_FILE, MODEL_FILES, fingerprint_of
from serve.states import ACTIVE

FEATURES = ["recency_days", "engagement_score", "support_tickets_30d"]
AS_OF = date(2024, 3, 4)
# Fill, then standardize. Kinds that accept NaN have no preprocessing.
PREPROCESS = {"fill": [30.0, 0.5, 0.0], "mean": [30.0, 0.5, 1.0], "scale": [30.0, 0.25, 1.0]}


def card(
    kind: str = "logistic_regression", features: list[str] = FEATURES, **changes: Any
) -> dict[str, Any]:
    """A valid card; `changes` replace entries."""
    count = len(features)
    content = {
        "format": 1,
        "task": "churn",
        "candidate": kind,
        "kind": kind,
        "model_file": MODEL_FILES[kind],
        "features": features,
        "fingerprint": fingerprint_of(features),
        "preprocess": PREPROCESS if features == FEATURES else None,
        "calibration": {"kind": "platt", "a": 1.0, "b": 0.0},
        "threshold": 0.5,
        "risk_levels": {"MEDIUM": 0.4, "HIGH": 0.6, "CRITICAL": 0.8},
        "reference": {
            "median": [20.0] + [0.5] * (count - 1),
            "low": [0.0] * count,
            "high": [200.0] * count,
        },
        "confidence": {"edges": [0.0, 0.5, 1.0], "half_width": [0.05, 0.1]},
    }
    return content | changes


HOME = "home"


def write(folder: Path, content: dict[str, Any], model: Callable[[Path], object]) -> str:
    """Writes card and model file. Returns the digest."""
    folder.mkdir(parents=True)
    (folder / CARD_FILE).write_text(json.dumps(content))
    model(folder / content["model_file"])
    return digest_of(folder)


def publish_vectors(
    server: RedisServer,
    vectors: dict[str, list[float]],
    *,
    states: Mapping[str, str] = MappingProxyType({}),
    segments: Mapping[str, str] = MappingProxyType({}),
    as_of: date = AS_OF,
    source: str = "test",
) -> None:
    """Publishes vectors of `FEATURES`, as the platform does. `states`: of customers who are not
    active; `segments`: of those whose segment is known.
    """
    OnlineStore(server.url, HOME, ttl_days=1).publish(
        source,
        FEATURES,
        as_of,
        ids=list(vectors),
        states=[states.get(name, ACTIVE) for name in vectors],
        segments=[segments.get(name) for name in vectors],
        matrix=np.array(list(vectors.values())),
    )


def logistic(folder: Path, intercept: float = 0.0, **changes: Any) -> str:
    """Risk rises with recency, falls with engagement.

    A higher intercept gives another model with another digest.
    """
    fitted = {"coef": [2.0, -1.0, 0.5], "intercept": intercept}
    return write(folder, card(**changes), lambda path: path.write_text(json.dumps(fitted)))


def rows(count: int = 300, features: int = 5, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """A matrix with missing values, and labels that its first column explains."""
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(count, features))
    labels = (matrix[:, 0] + random.normal(size=count) > 0.5).astype(int)
    matrix[random.random(matrix.shape) < 0.05] = np.nan
    return matrix, labels
