"""Errors as RFC 9457 `application/problem+json`, without internal details."""

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
MAX_ERRORS = 20  # of one request, listed in its problem document

logger = logging.getLogger("serve")


class ProblemError(Exception):
    """An error whose status, code, detail and headers are sent to the caller unchanged."""

    def __init__(
        self, status: int, code: str, detail: str, headers: dict[str, str] | None = None
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

    @api.exception_handler(ProblemError)
    def handle_problem(request: Request, error: ProblemError) -> Response:
        return problem_response(error, request_id_of(request))

    @api.exception_handler(UnknownCustomerError)
    def handle_unknown_customer(request: Request, error: UnknownCustomerError) -> Response:
        problem = ProblemError(404, "unknown-customer", str(error))
        return problem_response(problem, request_id_of(request))

    @api.exception_handler(UnknownFeatureError)
    def handle_unknown_feature(request: Request, error: UnknownFeatureError) -> Response:
        problem = ProblemError(422, "unknown-feature", str(error))
        return problem_response(problem, request_id_of(request))

    @api.exception_handler(UnavailableError)
    def handle_unavailable(request: Request, error: UnavailableError) -> Response:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        problem = ProblemError(503, "unavailable", str(error), headers)
        return problem_response(problem, request_id_of(request))

    @api.exception_handler(RequestValidationError)
    def handle_invalid_request(request: Request, error: RequestValidationError) -> Response:
        # Location and rule only: the value belongs to the caller and may be personal.
        errors = [
            {"where": ".".join(map(str, details["loc"])), "problem": details["msg"]}
            for details in error.errors()[:MAX_ERRORS]
        ]
        detail = "The request does not have the documented form."
        problem = ProblemError(422, "invalid-request", detail)
        return problem_response(problem, request_id_of(request), errors)

    @api.exception_handler(HTTPException)
    def handle_framework_error(request: Request, error: HTTPException) -> Response:
        phrase = HTTPStatus(error.status_code).phrase
        code = phrase.lower().replace(" ", "-")
        headers = dict(error.headers or {})
        problem = ProblemError(error.status_code, code, f"{phrase}.", headers)
        return problem_response(problem, request_id_of(request))

    @api.exception_handler(Exception)
    def handle_unexpected(request: Request, error: Exception) -> Response:
        logger.error("request %s failed", request_id_of(request), exc_info=error)
        detail = "The service failed. Give the request_id to its operator."
        problem = ProblemError(500, "internal-error", detail)
        return problem_response(problem, request_id_of(request))
