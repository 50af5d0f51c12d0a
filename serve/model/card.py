"""`bundle.json`, the card of a model folder, as a strict schema.

Training writes it, serving reads it.
"""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CARD_FORMAT = 1
CARD_FILE = "bundle.json"

# The model file of each kind. All are data formats; none can contain code.
MODEL_FILES = {
    "xgboost": "model.ubj",
    "random_forest": "model.treelite",
    "neural_network": "model.keras",
    "logistic_regression": "model.json",
}

Kind = Literal["xgboost", "random_forest", "neural_network", "logistic_regression"]
Fraction = Annotated[float, Field(ge=0, le=1)]


def fingerprint_of(features: Sequence[str]) -> str:
    """Identity of an ordered list of feature names: 16 hex digits."""
    return hashlib.sha256("\n".join(features).encode()).hexdigest()[:16]


class _CardPart(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class Preprocess(_CardPart):
    """Fill unknown values, then standardize: (x - mean) / scale. One number per feature."""

    fill: list[float]
    mean: list[float]
    scale: list[Annotated[float, Field(gt=0)]]


class Calibration(_CardPart):
    """Platt scaling: p = sigmoid(a * logit(raw) + b)."""

    kind: Literal["platt"]
    a: float
    b: float


class Reference(_CardPart):
    """Median, 0.5th and 99.5th percentile of each feature in training; null without any value."""

    median: list[float | None]
    low: list[float | None]
    high: list[float | None]


class Confidence(_CardPart):
    """Half width of the interval of the observed positive rate, by bin of the score.

    len(edges) = len(half_width) + 1.
    """

    edges: list[float] = Field(min_length=2)
    half_width: list[Fraction] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_width_per_bin(self) -> "Confidence":
        if len(self.edges) != len(self.half_width) + 1:
            raise ValueError("there must be one half_width per bin between two edges")
        return self


class RiskLevels(_CardPart):
    """Lowest probability of each level; below MEDIUM the level is LOW."""

    MEDIUM: Fraction
    HIGH: Fraction
    CRITICAL: Fraction


class Card(_CardPart):
    """Everything that scoring needs besides the model file, and how the model was trained.

    `refitted`: the days of `test_as_of` tested the model's recipe, fitted on rows before them; then
    it was fitted again on all rows. Figures of that test are not this model's own.
    """

    format: Literal[1]
    task: str
    candidate: str
    kind: Kind
    model_file: str
    features: list[str] = Field(min_length=1)
    fingerprint: str
    preprocess: Preprocess | None = None
    calibration: Calibration
    threshold: Fraction
    risk_levels: RiskLevels
    reference: Reference
    confidence: Confidence
    trained_as_of: list[str] = []
    test_as_of: list[str] = []
    refitted: bool = False
    source: str = ""
    seed: int | None = None
    data_versions: dict[str, Any] = {}
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _is_consistent(self) -> "Card":
        if self.fingerprint != fingerprint_of(self.features):
            raise ValueError("the fingerprint does not match the feature names")
        if self.model_file != MODEL_FILES[self.kind]:
            raise ValueError(f"the file of a {self.kind} must be {MODEL_FILES[self.kind]}")
        lists = [self.reference.median, self.reference.low, self.reference.high]
        if self.preprocess:
            lists += [self.preprocess.fill, self.preprocess.mean, self.preprocess.scale]
        if any(len(values) != len(self.features) for values in lists):
            raise ValueError("every list must have one entry per feature")
        return self
