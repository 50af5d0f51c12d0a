"""Requests and responses of the HTTP interface, strict: no unknown field, no coercion, no NaN or infinity."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

MAX_ID_CHARS = 128
MAX_OVERRIDES = 500
MAX_BATCH = 100_000  # of the schema; the service has a limit of its own below it

CustomerId = Annotated[
    str,
    # No control characters: an id goes into keys and logs.
    Field(
        min_length=1, max_length=MAX_ID_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["c-000042"]
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]


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
    ] = Field(
        description="Feature values to put in the place of the customer's own; null for not known."
    )


class BatchRequest(_Strict):
    customer_ids: Annotated[list[CustomerId], Field(min_length=1, max_length=MAX_BATCH)]


class ReasonOut(_Strict):
    """A feature's part in the score, in log odds; positive raises the risk. `typical`: the median in training."""

    feature: str
    value: float | None
    typical: float | None
    effect: float


class Prediction(_Strict):
    """One customer's answer. `degraded`: from the last snapshot. `cached` is always false: answers are not cached."""

    customer_id: str
    churn_probability: Share
    churn_prediction: bool
    risk_level: Literal["LOW", "MEDIUM", "HIGH", "CRITICAL"]
    confidence_score: Share = Field(
        description="(1 - width of the interval of the churn rate observed at such scores) * share of features that are "
        "known and inside the range of training. Not how far the probability is from one half."
    )
    recommended_actions: list[str]
    reasons: list[ReasonOut]
    model_version: str
    model_digest: str
    features_as_of: str
    variant: str
    degraded: bool
    cached: bool
    request_id: str


class WhatIfPrediction(Prediction):
    """An answer about a customer who does not exist: some features were given by the caller."""

    what_if: Literal[True]
    overridden: list[str]


class BatchPrediction(_Strict):
    predictions: list[Prediction]
    unknown: list[str] = Field(description="Ids for which no features are published.")
    request_id: str


class Refused(_Strict):
    """A model that was to be deployed and was not. The one before it goes on answering."""

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
    source: str
    refused: Refused | None


class Health(_Strict):
    status: Literal["alive"]


class Readiness(_Strict):
    ready: Literal[True]
    model_version: str
    model_digest: str
    store: Literal["online", "snapshot"]
    refused: Refused | None


class Problem(BaseModel):
    """RFC 9457. `code` is stable and for machines, `detail` says what to mend."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[dict[str, str]] | None = None
