"""The prediction service without its transport: holds the model in use, swaps it, and answers. No FastAPI, no Ray."""

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
from serve.features.store import FeatureStore, Found
from serve.metrics import Metrics
from serve.model.bundle import load_bundle
from serve.model.scorer import Score, Scorer
from serve.schemas import (
    BatchPrediction,
    ModelInfo,
    Prediction,
    Readiness,
    ReasonOut,
    Refused,
    WhatIfPrediction,
)

logger = logging.getLogger("serve")


class ModelChoice(BaseModel):
    """Which model to serve: the `user_config` of the deployment, and all that changes when a champion does."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    model_folder: Path
    digest: str
    model_version: str
    task: str = "churn"


@dataclass(frozen=True)
class InUse:
    """A loaded model. Swapped as one reference: a request sees the old or the new, never a mixture."""

    scorer: Scorer
    choice: ModelChoice


class Service:
    """Answers from the model in use. `load` is injected: tests and Ray give the same interface another loader."""

    def __init__(
        self,
        store: FeatureStore,
        metrics: Metrics,
        load: Callable[[Path, str], Scorer] = load_bundle,
        variant: str = "champion",
    ) -> None:
        self._store, self.metrics, self._load, self._variant = store, metrics, load, variant
        self._in_use: InUse | None = None
        self._refused: Refused | None = None

    async def use(self, choice: ModelChoice) -> None:
        """Loads in a thread, then swaps. A model that cannot be loaded is remembered as refused; the old one goes on."""
        loading = asyncio.to_thread(self._load, choice.model_folder, choice.digest)
        (loaded,) = await asyncio.gather(loading, return_exceptions=True)
        if isinstance(loaded, BaseException):
            logger.error("model %s was refused", choice.model_version, exc_info=loaded)
            reason = (
                str(loaded) if isinstance(loaded, BundleError) else "The model could not be loaded."
            )
            self._refused = Refused(
                model_version=choice.model_version, model_digest=choice.digest, reason=reason
            )
            return
        self._in_use, self._refused = InUse(loaded, choice), None
        self.metrics.model(choice.model_version, choice.digest)

    async def predict(self, customer_id: str, request_id: str) -> Prediction:
        model = self._model()
        vector, degraded = await self._vector(model.scorer, customer_id)
        score = model.scorer.score(vector.values)
        return Prediction.model_construct(
            **self._answer(model, customer_id, vector, score, degraded, request_id)
        )

    async def what_if(
        self, customer_id: str, overrides: Mapping[str, float | None], request_id: str
    ) -> WhatIfPrediction:
        model = self._model()
        names = model.scorer.features
        unknown = sorted(set(overrides) - set(names))
        if unknown:
            raise UnknownFeatureError(unknown[:5])
        vector, degraded = await self._vector(model.scorer, customer_id)
        values = vector.values.copy()
        for name, value in overrides.items():
            values[names.index(name)] = np.nan if value is None else value
        answer = self._answer(
            model, customer_id, vector, model.scorer.score(values), degraded, request_id
        )
        return WhatIfPrediction.model_construct(
            **answer, what_if=True, overridden=sorted(overrides)
        )

    async def predict_batch(self, customer_ids: list[str], request_id: str) -> BatchPrediction:
        model = self._model()
        found = await self._fetch(model.scorer, customer_ids)
        pairs = [
            (name, vector)
            for name, vector in zip(customer_ids, found.vectors, strict=True)
            if vector is not None
        ]
        scores = await asyncio.to_thread(_score_all, model.scorer, [vector for _, vector in pairs])
        predictions = [
            Prediction.model_construct(
                **self._answer(model, name, vector, score, found.degraded, request_id)
            )
            for (name, vector), score in zip(pairs, scores, strict=True)
        ]
        unknown = [
            name for name, vector in zip(customer_ids, found.vectors, strict=True) if vector is None
        ]
        return BatchPrediction.model_construct(
            predictions=predictions, unknown=unknown, request_id=request_id
        )

    async def readiness(self) -> Readiness:
        """UnavailableError unless there is a model and somewhere to read vectors from."""
        model = self._model()
        store = "online" if await self._store.reachable() else "snapshot"
        if store == "snapshot" and not await self._store.has_snapshot(model.scorer.fingerprint):
            raise UnavailableError("The feature store does not answer and there is no snapshot.")
        choice = model.choice
        return Readiness(
            ready=True,
            model_version=choice.model_version,
            model_digest=choice.digest,
            store=store,
            refused=self._refused,
        )

    def model_info(self) -> ModelInfo:
        model = self._model()
        card = model.scorer.card
        return ModelInfo(
            **card.model_dump(include=set(ModelInfo.model_fields) & set(type(card).model_fields)),
            model_version=model.choice.model_version,
            model_digest=model.choice.digest,
            refused=self._refused,
        )

    def _model(self) -> InUse:
        if self._in_use is None:
            why = f" The last one was refused: {self._refused.reason}" if self._refused else ""
            raise UnavailableError(f"No model is deployed.{why}")
        return self._in_use

    async def _fetch(self, scorer: Scorer, customer_ids: list[str]) -> Found:
        found = await self._store.fetch(customer_ids, scorer.fingerprint, len(scorer.features))
        if found.degraded:
            self.metrics.degraded(len(customer_ids))
        return found

    async def _vector(self, scorer: Scorer, customer_id: str) -> tuple[Vector, bool]:
        found = await self._fetch(scorer, [customer_id])
        if found.vectors[0] is None:
            raise UnknownCustomerError(customer_id)
        return found.vectors[0], found.degraded

    def _answer(
        self,
        model: InUse,
        customer_id: str,
        vector: Vector,
        score: Score,
        degraded: bool,
        request_id: str,
    ) -> dict[str, Any]:
        return {
            "customer_id": customer_id,
            "churn_probability": score.probability,
            "churn_prediction": score.prediction,
            "risk_level": score.risk_level,
            "confidence_score": score.confidence,
            "recommended_actions": score.actions,
            "reasons": [ReasonOut.model_construct(**vars(reason)) for reason in score.reasons],
            "model_version": model.choice.model_version,
            "model_digest": model.choice.digest,
            "features_as_of": vector.as_of.isoformat(),
            "variant": self._variant,
            "degraded": degraded,
            "cached": False,
            "request_id": request_id,
        }


def _score_all(scorer: Scorer, vectors: list[Vector]) -> list[Score]:
    return (
        list(scorer.score_all(np.stack([vector.values for vector in vectors]))) if vectors else []
    )
