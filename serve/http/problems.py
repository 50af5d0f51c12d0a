"""Errors as RFC 9457 `application/problem+json`, without internal details."""

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve.errors import UnavailableError, UnknownCustomerError, UnknownFeatureError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
MAX_ERRORS = 20  # of one request, listed in its problem document

# Errors of the service, with status, machine-readable code and headers of their problem.
SERVICE_PROBLEMS: tuple[tuple[type[Exception], int, str, dict[str, str]], ...] = (
    (UnknownCustomerError, 404, "unknown-customer", {}),
    (UnknownFeatureError, 422, "unknown-feature", {}),
    (UnavailableError, 503, "unavailable", {"Retry-After": str(RETRY_AFTER_S)}),
)

logger = logging.getLogger("serve")


class ProblemError(Exception):
    """An error whose status, code, detail and headers are sent to the caller unchanged."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers or {}


def problem_response(
    error: ProblemError, request_id: str, errors: list[dict[str, str]] | None = None
) -> Response:
    """The problem document of an error; `errors` lists the invalid fields of a request."""
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


def install_problem_handlers(api: FastAPI) -> None:
    """Turns every error of this application into a problem document."""
    for error_type, status, code, headers in SERVICE_PROBLEMS:
        api.exception_handler(error_type)(_service_error_handler(status, code, headers))
    api.exception_handler(ProblemError)(_handle_problem)
    api.exception_handler(RequestValidationError)(_handle_invalid_request)
    api.exception_handler(HTTPException)(_handle_framework_error)
    api.exception_handler(Exception)(_handle_unexpected)


def _service_error_handler(
    status: int, code: str, headers: dict[str, str]
) -> Callable[[Request, Exception], Response]:
    def handle(request: Request, error: Exception) -> Response:
        problem = ProblemError(status, code, str(error), headers=headers)
        return problem_response(problem, request_id_of(request))

    return handle


def _handle_problem(request: Request, error: ProblemError) -> Response:
    return problem_response(error, request_id_of(request))


def _handle_invalid_request(request: Request, error: RequestValidationError) -> Response:
    # Location and rule only: the value belongs to the caller and may be personal.
    errors = [
        {"where": ".".join(map(str, details["loc"])), "problem": details["msg"]}
        for details in error.errors()[:MAX_ERRORS]
    ]
    detail = "The request does not have the documented form."
    problem = ProblemError(422, "invalid-request", detail)
    return problem_response(problem, request_id_of(request), errors)


def _handle_framework_error(request: Request, error: HTTPException) -> Response:
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    problem = ProblemError(error.status_code, code, f"{phrase}.", headers=headers)
    return problem_response(problem, request_id_of(request))


def _handle_unexpected(request: Request, error: Exception) -> Response:
    logger.error("request %s failed", request_id_of(request), exc_info=error)
    detail = "The service failed. Give the request_id to its operator."
    problem = ProblemError(500, "internal-error", detail)
    return problem_response(problem, request_id_of(request))
