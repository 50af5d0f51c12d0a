"""`bundle.json`, the card of a model folder, as a strict schema. Training writes it, serving reads it; nothing else here."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FORMAT = 1
CARD_FILE = "bundle.json"

# The one model file of each kind. All are data, none can carry code.
MODEL_FILES = {
    "xgboost": "model.ubj",
    "random_forest": "model.treelite",
    "neural_network": "model.keras",
    "logistic_regression": "model.json",
}

Kind = Literal["xgboost", "random_forest", "neural_network", "logistic_regression"]
Share = Annotated[float, Field(ge=0, le=1)]


def fingerprint_of(features: Sequence[str]) -> str:
    """Identity of an ordered list of feature names: 16 hex digits."""
    return hashlib.sha256("\n".join(features).encode()).hexdigest()[:16]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Preprocess(_Part):
    """Fill the missing, then standardise: (x - mean) / scale. One number per feature."""

    fill: list[float]
    mean: list[float]
    scale: list[Annotated[float, Field(gt=0)]]


class Calibration(_Part):
    """Platt: p = sigmoid(a * logit(raw) + b)."""

    kind: Literal["platt"]
    a: float
    b: float


class Reference(_Part):
    """What training saw per feature: median, 0.5 and 99.5 percentile; null where it saw no value at all."""

    median: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Confidence(_Part):
    """Half width of the interval of the observed churn rate, by bin of the score. len(edges) = len(half_width) + 1."""

    edges: list[float] = Field(min_length=2)
    half_width: list[Share] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_width_per_bin(self) -> "Confidence":
        if len(self.edges) != len(self.half_width) + 1:
            raise ValueError("edges and half_width do not belong together")
        return self


class RiskLevels(_Part):
    """Lowest probability of each level; below MEDIUM it is LOW."""

    MEDIUM: Share
    HIGH: Share
    CRITICAL: Share


class Card(_Part):
    """All that scoring needs beside the model file, and where the model came from."""

    format: Literal[1]
    task: str
    candidate: str
    kind: Kind
    model_file: str
    features: list[str] = Field(min_length=1)
    fingerprint: str
    preprocess: Preprocess | None = None
    calibration: Calibration
    threshold: Share
    risk_levels: RiskLevels
    reference: Reference
    confidence: Confidence
    trained_as_of: list[str] = []
    test_as_of: list[str] = []
    source: str = ""
    seed: int | None = None
    data_versions: dict[str, Any] = {}
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _consistent(self) -> "Card":
        if self.fingerprint != fingerprint_of(self.features):
            raise ValueError("the fingerprint is not that of the feature names")
        if self.model_file != MODEL_FILES[self.kind]:
            raise ValueError(f"a {self.kind} is expected in {MODEL_FILES[self.kind]}")
        parts = [self.reference.median, self.reference.low, self.reference.high]
        if self.preprocess:
            parts += [self.preprocess.fill, self.preprocess.mean, self.preprocess.scale]
        if any(len(part) != len(self.features) for part in parts):
            raise ValueError("a list has not one entry per feature")
        return self
