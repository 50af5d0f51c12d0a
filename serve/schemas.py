"""Requests and responses of the HTTP interface.

They are strict: no unknown field, no conversion of types, no NaN and no infinity.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from serve.model.card import Fraction
from serve.segments import SegmentName

MAX_ID_CHARS = 128
MAX_OVERRIDES = 500
MAX_BATCH = 100_000  # of the schema; `Limits.batch` is lower

CustomerId = Annotated[
    str,
    # No control characters: an id becomes part of keys and log lines.
    Field(
        min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["c-000042"]
    ),
]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, protected_namespaces=()
    )


class PredictRequest(_Strict):
    customer_id: CustomerId


class WhatIfRequest(_Strict):
    customer_id: CustomerId
    overrides: Annotated[
        dict[str, FiniteFloat | None], Field(min_length=1, max_length=MAX_OVERRIDES)
    ] = Field(description="Feature values that replace the customer's; null for an unknown value.")


class BatchRequest(_Strict):
    customer_ids: Annotated[list[CustomerId], Field(min_length=1, max_length=MAX_BATCH)]


class ReasonResponse(_Strict):
    """The effect of a feature on the score, in log odds: positive raises the risk.

    `typical` is the median in training.
    """

    feature: str
    value: float | None
    typical: float | None
    effect: float


class Prediction(_Strict):
    """The answer for one customer. Probability, prediction, risk level and confidence are null for
    a customer who has lapsed or left.

    `degraded`: computed from the last snapshot. `cached` is always false, because answers are not
    cached.
    """

    customer_id: str
    customer_state: Literal["active", "returned", "lapsed", "left"] = Field(
        description="returned: came back after leaving or a long silence; lapsed: silent for too "
        "long; left: canceled."
    )
    segment: SegmentName | None = Field(
        description="The customer's segment, by fixed rules over state and features as published; "
        "values that a what-if request replaces do not change it. Null: unknown."
    )
    churn_probability: Fraction | None
    churn_prediction: bool | None
    risk_level: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"] | None
    confidence_score: Fraction | None = Field(
        description="How well the churn rate of customers with such scores is known: (1 - width of "
        "its 95 % interval) * share of features that are known and inside the range seen in "
        "training. It does not measure how far the probability is from one half."
    )
    recommended_actions: list[str]
    reasons: list[ReasonResponse]
    model_version: str
    model_digest: str
    features_as_of: str
    variant: str
    degraded: bool
    cached: bool
    request_id: str


class WhatIfPrediction(Prediction):
    """The answer for a hypothetical customer: the caller replaced some feature values."""

    what_if: Literal[True]
    overridden: list[str]


class BatchPrediction(_Strict):
    predictions: list[Prediction]
    unknown: list[str] = Field(description="Ids for which no features are published.")
    request_id: str


class RefusedModel(_Strict):
    """A model that could not be loaded. The previous model continues to answer."""

    model_version: str
    model_digest: str
    reason: str


class ModelInfo(_Strict):
    task: str
    model_version: str
    model_digest: str
    candidate: str
    kind: str
    features: list[str]
    fingerprint: str
    threshold: float
    risk_levels: dict[str, float]
    trained_as_of: list[str]
    test_as_of: list[str]
    refitted: bool = Field(
        description="Whether the model was fitted again on all rows after the test of its recipe."
    )
    source: str
    refused: RefusedModel | None


class Health(_Strict):
    status: Literal["alive"]


class Readiness(_Strict):
    ready: Literal[True]
    model_version: str
    model_digest: str
    store: Literal["online", "snapshot"]
    refused: RefusedModel | None


class Problem(BaseModel):
    """A problem document (RFC 9457). `code` is stable; `detail` tells a person what to fix."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[dict[str, str]] | None = None
