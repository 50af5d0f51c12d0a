"""Every error becomes a problem document without personal data and internal details."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from serve.errors import UnavailableError, UnknownCustomerError, UnknownFeatureError
from serve.http.problems import MEDIA_TYPE, ProblemError, install_problem_handlers, problem_response
from serve.schemas import Problem

PERSONAL = "ada@example.com"


class NumbersRequest(BaseModel):
    numbers: dict[str, float]


def client_of(handler: Callable[..., None]) -> TestClient:
    """A client of an application with one route."""
    api = FastAPI()
    install_problem_handlers(api)
    api.post("/")(handler)
    return TestClient(api, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (ProblemError(429, "too-many-requests", "Wait."), 429, "too-many-requests", "Wait."),
        (
            UnknownCustomerError(PERSONAL),
            404,
            "unknown-customer",
            "No features are published for this customer.",
        ),
        (
            UnknownFeatureError(["a", "b"]),
            422,
            "unknown-feature",
            "The model has no feature named a, b.",
        ),
        (UnavailableError("No model is deployed."), 503, "unavailable", "No model is deployed."),
        (HTTPException(405, PERSONAL), 405, "method-not-allowed", "Method Not Allowed."),
        (
            RuntimeError(PERSONAL),
            500,
            "internal-error",
            "The service failed. Give the request_id to its operator.",
        ),
        (
            KeyError(PERSONAL),
            500,
            "internal-error",
            "The service failed. Give the request_id to its operator.",
        ),
    ],
)
def test_each_error_has_its_status_code_and_detail(
    error: Exception, status: int, code: str, detail: str
) -> None:
    def fail() -> None:
        raise error

    answer = client_of(fail).post("/")
    document = Problem.model_validate_json(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (document.status, document.code, document.detail, document.type) == (
        status,
        code,
        detail,
        f"urn:retention:problem:{code}",
    )
    assert PERSONAL not in answer.text


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (UnavailableError("Not now."), "retry-after", "1"),
        (HTTPException(405, headers={"Allow": "POST"}), "allow", "POST"),
        (
            ProblemError(401, "unauthorized", "No.", headers={"WWW-Authenticate": "Bearer"}),
            "www-authenticate",
            "Bearer",
        ),
    ],
)
def test_headers_of_errors_are_kept(error: Exception, name: str, value: str) -> None:
    def fail() -> None:
        raise error

    assert client_of(fail).post("/").headers[name] == value


def accept_numbers(body: NumbersRequest) -> None:
    """A route handler that validates its body."""


def test_invalid_value_is_located_but_not_repeated() -> None:
    answer = client_of(accept_numbers).post("/", json={"numbers": {"age": PERSONAL}})
    assert [error["where"] for error in answer.json()["errors"]] == ["body.numbers.age"]
    assert answer.json()["errors"][0]["problem"] and PERSONAL not in answer.text


def test_list_of_errors_is_limited() -> None:
    answer = client_of(accept_numbers).post(
        "/", json={"numbers": {str(number): "x" for number in range(1000)}}
    )
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)


@given(detail=st.text(), request_id=st.text())
def test_any_detail_is_sent_unchanged(detail: str, request_id: str) -> None:
    answer = problem_response(ProblemError(422, "invalid-request", detail), request_id)
    document = Problem.model_validate_json(bytes(answer.body))
    assert (document.detail, document.request_id, document.errors) == (detail, request_id, None)
