"""The prediction service without its transport: it loads and replaces the model, and answers.

No FastAPI and no Ray here.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from serve.errors import BundleError, UnavailableError, UnknownCustomerError, UnknownFeatureError
from serve.features.codec import Vector
from serve.features.store import FetchedVectors, VectorReader
from serve.metrics import Metrics
from serve.model.bundle import load_bundle
from serve.model.scorer import Score, Scorer
from serve.schemas import (
    BatchPrediction,
    ModelInfo,
    Prediction,
    Readiness,
    ReasonResponse,
    RefusedModel,
    WhatIfPrediction,
)
from serve.states import CAN_LEAVE

MAX_UNKNOWN_FEATURES = 5  # named in an error

logger = logging.getLogger("serve")


class ModelChoice(BaseModel):
    """The model to serve: the `user_config` of the deployment."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_folder: Path
    digest: str
    model_version: str
    task: str = "churn"


@dataclass(frozen=True)
class LoadedModel:
    """The model in use. It is replaced as one reference, so no request mixes two models."""

    scorer: Scorer
    choice: ModelChoice


class PredictionService:
    """Answers from the model in use. `load` reads a model folder; tests pass another function."""

    def __init__(
        self,
        store: VectorReader,
        metrics: Metrics,
        *,
        load: Callable[[Path, str], Scorer] = load_bundle,
        variant: str = "champion",
    ) -> None:
        self.metrics = metrics
        self._store = store
        self._load = load
        self._variant = variant
        self._model: LoadedModel | None = None
        self._refused: RefusedModel | None = None

    async def switch_model(self, choice: ModelChoice) -> None:
        """Loads a model in a thread and then replaces the present one.

        A model that cannot be loaded is reported as refused, and the present one stays in use.
        """
        loading = asyncio.to_thread(self._load, choice.model_folder, choice.digest)
        (result,) = await asyncio.gather(loading, return_exceptions=True)
        if isinstance(result, BaseException):
            logger.error("model %s could not be loaded", choice.model_version, exc_info=result)
            # The text of any other error may contain paths, and callers read the reason.
            is_bundle_error = isinstance(result, BundleError)
            reason = str(result) if is_bundle_error else "The model could not be loaded."
            self._refused = RefusedModel(
                model_version=choice.model_version, model_digest=choice.digest, reason=reason
            )
            return
        self._model = LoadedModel(result, choice)
        self._refused = None
        self.metrics.set_model(choice.model_version, choice.digest)

    async def predict(self, customer_id: str, request_id: str) -> Prediction:
        """The prediction of one customer. Raises UnknownCustomerError or UnavailableError."""
        model = self._model_in_use()
        vector, degraded = await self._fetch_one(model.scorer, customer_id)
        fields = self._answer(
            model,
            customer_id=customer_id,
            vector=vector,
            score=_score(model.scorer, vector, vector.values),
            degraded=degraded,
            request_id=request_id,
        )
        return Prediction.model_construct(**fields)

    async def what_if(
        self, customer_id: str, overrides: Mapping[str, float | None], request_id: str
    ) -> WhatIfPrediction:
        """The prediction with some feature values replaced; None stands for an unknown value.

        Raises UnknownFeatureError, UnknownCustomerError or UnavailableError.
        """
        model = self._model_in_use()
        names = model.scorer.features
        unknown = sorted(set(overrides) - set(names))
        if unknown:
            raise UnknownFeatureError(unknown[:MAX_UNKNOWN_FEATURES])
        vector, degraded = await self._fetch_one(model.scorer, customer_id)
        values = vector.values.copy()
        for name, value in overrides.items():
            values[names.index(name)] = np.nan if value is None else value
        fields = self._answer(
            model,
            customer_id=customer_id,
            vector=vector,
            score=_score(model.scorer, vector, values),
            degraded=degraded,
            request_id=request_id,
        )
        overridden = sorted(overrides)
        return WhatIfPrediction.model_construct(**fields, what_if=True, overridden=overridden)

    async def predict_batch(self, customer_ids: list[str], request_id: str) -> BatchPrediction:
        """The predictions of many customers, in their order, from one read of the store."""
        model = self._model_in_use()
        fetched = await self._fetch(model.scorer, customer_ids)
        pairs = list(zip(customer_ids, fetched.vectors, strict=True))
        known = [(name, vector) for name, vector in pairs if vector is not None]
        unknown = [name for name, vector in pairs if vector is None]
        vectors = [vector for _, vector in known]
        scores = await asyncio.to_thread(_score_all, model.scorer, vectors)
        predictions = []
        for (name, vector), score in zip(known, scores, strict=True):
            fields = self._answer(
                model,
                customer_id=name,
                vector=vector,
                score=score,
                degraded=fetched.degraded,
                request_id=request_id,
            )
            predictions.append(Prediction.model_construct(**fields))
        return BatchPrediction.model_construct(
            predictions=predictions, unknown=unknown, request_id=request_id
        )

    async def readiness(self) -> Readiness:
        """Raises UnavailableError without a model, or without a source of features."""
        model = self._model_in_use()
        store = "online" if await self._store.is_reachable() else "snapshot"
        if store == "snapshot" and not await self._store.has_snapshot(model.scorer.fingerprint):
            raise UnavailableError("The feature store does not answer and there is no snapshot.")
        return Readiness(
            ready=True,
            model_version=model.choice.model_version,
            model_digest=model.choice.digest,
            store=store,
            refused=self._refused,
        )

    def model_info(self) -> ModelInfo:
        """Facts about the model in use. Raises UnavailableError where there is none."""
        model = self._model_in_use()
        card = model.scorer.card
        shared_fields = set(ModelInfo.model_fields) & set(type(card).model_fields)
        return ModelInfo(
            **card.model_dump(include=shared_fields),
            model_version=model.choice.model_version,
            model_digest=model.choice.digest,
            refused=self._refused,
        )

    def _model_in_use(self) -> LoadedModel:
        if self._model is None:
            reason = f" The last model was refused: {self._refused.reason}" if self._refused else ""
            raise UnavailableError(f"No model is deployed.{reason}")
        return self._model

    async def _fetch(self, scorer: Scorer, customer_ids: list[str]) -> FetchedVectors:
        fetched = await self._store.fetch(customer_ids, scorer.fingerprint, len(scorer.features))
        if fetched.degraded:
            self.metrics.record_degraded(len(customer_ids))
        return fetched

    async def _fetch_one(self, scorer: Scorer, customer_id: str) -> tuple[Vector, bool]:
        """The customer's vector, and whether it is degraded."""
        fetched = await self._fetch(scorer, [customer_id])
        if fetched.vectors[0] is None:
            raise UnknownCustomerError(customer_id)
        return fetched.vectors[0], fetched.degraded

    def _answer(
        self,
        model: LoadedModel,
        *,
        customer_id: str,
        vector: Vector,
        score: Score | None,
        degraded: bool,
        request_id: str,
    ) -> dict[str, Any]:
        """The fields of a prediction. They are not validated again, for speed."""
        risk = _without_score(model.scorer, vector) if score is None else _with_score(score)
        return risk | {
            "customer_id": customer_id,
            "customer_state": vector.state,
            "segment": vector.segment,
            "model_version": model.choice.model_version,
            "model_digest": model.choice.digest,
            "features_as_of": vector.as_of.isoformat(),
            "variant": self._variant,
            "degraded": degraded,
            "cached": False,
            "request_id": request_id,
        }


def _score(scorer: Scorer, vector: Vector, values: np.ndarray) -> Score | None:
    """The score of these feature values; None if the customer has lapsed or left."""
    return scorer.score(values) if vector.state in CAN_LEAVE else None


def _score_all(scorer: Scorer, vectors: list[Vector]) -> list[Score | None]:
    rows = [vector.values for vector in vectors if vector.state in CAN_LEAVE]
    scores = scorer.score_all(np.stack(rows)) if rows else iter(())
    return [next(scores) if vector.state in CAN_LEAVE else None for vector in vectors]


def _with_score(score: Score) -> dict[str, Any]:
    reasons = [ReasonResponse.model_construct(**vars(reason)) for reason in score.reasons]
    return score.fields | {"reasons": reasons}


def _without_score(scorer: Scorer, vector: Vector) -> dict[str, Any]:
    return scorer.fields_without_risk(vector.state, vector.values) | {"reasons": []}
