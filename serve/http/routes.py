"""The routes of the HTTP interface. They call the prediction service and hold no logic."""

from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.types import ASGIApp

from serve.http.guard import Guard
from serve.http.limits import Limits
from serve.http.problems import (
    MEDIA_TYPE,
    ProblemError,
    install_problem_handlers,
    request_id_of,
)
from serve.http.security import AcceptedKeys
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
from serve.service import PredictionService

PROBLEM_DESCRIPTIONS = (
    (401, "No valid key"),
    (404, "Unknown customer"),
    (413, "Body or batch too large"),
    (422, "Not the documented form"),
    (429, "Too many requests"),
    (503, "Cannot answer now; retry later"),
)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": description,
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status, description in PROBLEM_DESCRIPTIONS
}


def build_api(service: PredictionService, keys: AcceptedKeys, limits: Limits) -> ASGIApp:
    """The application behind its guard."""
    api = FastAPI(
        title="Retention predictions",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=PROBLEMS,
    )
    install_problem_handlers(api)
    _add_predictions(api, service, limits)
    _add_operations(api, service)
    _declare_bearer_keys(api)
    return Guard(api, keys=keys, limits=limits, metrics=service.metrics)


def _add_predictions(api: FastAPI, service: PredictionService, limits: Limits) -> None:
    @api.post("/predict", response_model=Prediction)
    async def predict(body: PredictRequest, request: Request) -> Response:
        """The state of this customer, the risk that it churns, the reasons, recommended actions."""
        return _json(await service.predict(body.customer_id, request_id_of(request)))

    @api.post("/predict/what-if", response_model=WhatIfPrediction)
    async def what_if(body: WhatIfRequest, request: Request) -> Response:
        """A prediction with some feature values replaced by the caller. Marked `what_if`."""
        return _json(
            await service.what_if(body.customer_id, body.overrides, request_id_of(request))
        )

    @api.post("/predict/batch", response_model=BatchPrediction)
    async def batch(body: BatchRequest, request: Request) -> Response:
        """Predictions of many customers. Unknown customers are listed and are not an error."""
        if len(body.customer_ids) > limits.batch:
            detail = f"A batch may have at most {limits.batch} customers."
            raise ProblemError(413, "batch-too-large", detail)
        return _json(await service.predict_batch(body.customer_ids, request_id_of(request)))


def _add_operations(api: FastAPI, service: PredictionService) -> None:
    @api.get("/model", response_model=ModelInfo)
    async def model() -> Response:
        """The model in use, and the last model that was refused since it was loaded."""
        return _json(service.model_info())

    @api.get("/health")
    async def health() -> Health:
        """The process is alive. Needs no key."""
        return Health(status="alive")

    @api.get("/ready", response_model=Readiness)
    async def ready() -> Response:
        """A model is loaded, and features can be read from the store or a snapshot."""
        return _json(await service.readiness())

    @api.get("/metrics", response_class=Response)
    async def metrics() -> Response:
        """Metrics in the Prometheus text format."""
        content_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(service.metrics.render(), media_type=content_type)


def _json(
    answer: Prediction | WhatIfPrediction | BatchPrediction | ModelInfo | Readiness,
) -> Response:
    # The service builds answers from checked values, so the framework need not validate them again.
    return Response(answer.__pydantic_serializer__.to_json(answer), media_type="application/json")


def _declare_bearer_keys(api: FastAPI) -> None:
    """Adds the keys, which the guard checks, to the OpenAPI schema."""
    build_schema = api.openapi

    def openapi_with_keys() -> dict:
        schema = build_schema()
        schema.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"}
        }
        schema["security"] = [{"bearer": []}]
        schema["paths"]["/health"]["get"]["security"] = []
        return schema

    api.openapi = openapi_with_keys
