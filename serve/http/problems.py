"""Errors as RFC 9457 `application/problem+json`: what the caller can mend, and nothing about our insides."""

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve.errors import UnavailableError, UnknownCustomerError, UnknownFeatureError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1

logger = logging.getLogger("serve")


class ProblemError(Exception):
    """A refusal to be told to the caller as it stands."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers = status, code, detail, headers or {}


def problem(
    error: ProblemError, request_id: str, errors: list[dict[str, str]] | None = None
) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:retention:problem:{error.code}",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "code": error.code,
        "detail": error.detail,
        "request_id": request_id,
    }
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body), error.status, error.headers, MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    return request.scope.get("request_id", "")


def install(api: FastAPI) -> None:
    """Makes every error of this application a problem document."""

    @api.exception_handler(ProblemError)
    def told(request: Request, error: ProblemError) -> Response:
        return problem(error, request_id_of(request))

    @api.exception_handler(UnknownCustomerError)
    def unknown_customer(request: Request, error: UnknownCustomerError) -> Response:
        return problem(ProblemError(404, "unknown-customer", str(error)), request_id_of(request))

    @api.exception_handler(UnknownFeatureError)
    def unknown_feature(request: Request, error: UnknownFeatureError) -> Response:
        return problem(ProblemError(422, "unknown-feature", str(error)), request_id_of(request))

    @api.exception_handler(UnavailableError)
    def unavailable(request: Request, error: UnavailableError) -> Response:
        told = ProblemError(503, "unavailable", str(error), {"Retry-After": str(RETRY_AFTER_S)})
        return problem(told, request_id_of(request))

    @api.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        # Location and rule only: the value is the caller's, and may be personal.
        errors = [
            {"where": ".".join(map(str, one["loc"])), "problem": one["msg"]}
            for one in error.errors()[:20]
        ]
        told = ProblemError(
            422, "invalid-request", "The request does not have the documented form."
        )
        return problem(told, request_id_of(request), errors)

    @api.exception_handler(HTTPException)
    def of_the_framework(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "-")
        told = ProblemError(error.status_code, code, f"{phrase}.", dict(error.headers or {}))
        return problem(told, request_id_of(request))

    @api.exception_handler(Exception)
    def unexpected(request: Request, error: Exception) -> Response:
        logger.error("request %s failed", request_id_of(request), exc_info=error)
        told = ProblemError(
            500, "internal-error", "The service failed. Tell its operator the request_id."
        )
        return problem(told, request_id_of(request))
