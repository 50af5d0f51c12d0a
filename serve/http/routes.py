"""The routes of the HTTP interface, over a Service. No model, store or Ray here."""

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from serve.http.guard import Guard
from serve.http.limits import Limits
from serve.http.problems import MEDIA_TYPE, ProblemError, install, request_id_of
from serve.http.security import Keys
from serve.schemas import (
    BatchPrediction,
    BatchRequest,
    Health,
    ModelInfo,
    Prediction,
    PredictRequest,
    Problem,
    Readiness,
    WhatIfPrediction,
    WhatIfRequest,
)
from serve.service import Service

PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": phrase,
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status, phrase in (
        (401, "No valid key"),
        (404, "Unknown customer"),
        (413, "Body or batch too large"),
        (422, "Not the documented form"),
        (429, "Too many requests"),
        (503, "Not able to answer now; retry later"),
    )
}


def build_api(service: Service, keys: Keys, limits: Limits) -> ASGIApp:
    """The application, behind its guard."""
    api = FastAPI(
        title="Retention predictions",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEMS,
    )
    install(api)
    _add_predictions(api, service, limits)
    _add_operations(api, service)
    _declare_bearer(api)
    return Guard(api, keys, limits, service.metrics)


def _add_predictions(api: FastAPI, service: Service, limits: Limits) -> None:
    @api.post("/predict", response_model=Prediction)
    async def predict(asked: PredictRequest, request: Request) -> Response:
        """The risk that this customer churns, why, and what to do."""
        return _json(await service.predict(asked.customer_id, request_id_of(request)))

    @api.post("/predict/what-if", response_model=WhatIfPrediction)
    async def what_if(asked: WhatIfRequest, request: Request) -> Response:
        """The same with some features given by the caller. For exploring; marked `what_if`."""
        return _json(
            await service.what_if(asked.customer_id, asked.overrides, request_id_of(request))
        )

    @api.post("/predict/batch", response_model=BatchPrediction)
    async def batch(asked: BatchRequest, request: Request) -> Response:
        """Many customers, with one read of the store. Unknown ones are listed, not an error."""
        if len(asked.customer_ids) > limits.batch:
            raise ProblemError(
                413, "batch-too-large", f"A batch may have {limits.batch} customers."
            )
        return _json(await service.predict_batch(asked.customer_ids, request_id_of(request)))


def _add_operations(api: FastAPI, service: Service) -> None:
    @api.get("/model", response_model=ModelInfo)
    async def model() -> Response:
        """The model that answers now, and the one that was refused since."""
        return _json(service.model_info())

    @api.get("/health")
    async def health() -> Health:
        """The process is alive. Needs no key."""
        return Health(status="alive")

    @api.get("/ready", response_model=Readiness)
    async def ready() -> Response:
        """A model is loaded, and vectors can be read from the store or a snapshot."""
        return _json(await service.readiness())

    @api.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Prometheus text."""
        return Response(
            service.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8"
        )


def _json(
    answer: Prediction | WhatIfPrediction | BatchPrediction | ModelInfo | Readiness,
) -> Response:
    # Built by us from checked values: serialised once, without the framework validating it again.
    return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")


def _declare_bearer(api: FastAPI) -> None:
    """The guard asks for the key; this tells readers of the schema."""
    made = api.openapi

    def with_bearer() -> dict:
        schema = made()
        schema.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"}
        }
        schema["security"] = [{"bearer": []}]
        schema["paths"]["/health"]["get"]["security"] = []
        return schema

    api.openapi = with_bearer
