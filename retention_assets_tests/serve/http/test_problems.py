"""Whatever is raised becomes a problem document that tells the caller what to mend, and nothing of ours or of anybody's."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from serve.errors import UnavailableError, UnknownCustomerError, UnknownFeatureError
from serve.http.problems import MEDIA_TYPE, ProblemError, install, problem
from serve.schemas import Problem

PERSONAL = "ada@example.com"


class Asked(BaseModel):
    numbers: dict[str, float]


def answering(handler: Callable[..., None]) -> TestClient:
    """An application of one route."""
    api = FastAPI()
    install(api)
    api.post("/")(handler)
    return TestClient(api, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "code", "says"),
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
            "The service failed. Tell its operator the request_id.",
        ),
        (
            KeyError(PERSONAL),
            500,
            "internal-error",
            "The service failed. Tell its operator the request_id.",
        ),
    ],
)
def test_each_error_has_its_status_code_and_words(
    error: Exception, status: int, code: str, says: str
) -> None:
    def fail() -> None:
        raise error

    answer = answering(fail).post("/")
    told = Problem.model_validate_json(answer.text)
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (told.status, told.code, told.detail, told.type) == (
        status,
        code,
        says,
        f"urn:retention:problem:{code}",
    )
    assert PERSONAL not in answer.text


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        (UnavailableError("Not now."), "retry-after", "1"),
        (HTTPException(405, headers={"Allow": "POST"}), "allow", "POST"),
        (
            ProblemError(401, "unauthorized", "No.", {"WWW-Authenticate": "Bearer"}),
            "www-authenticate",
            "Bearer",
        ),
    ],
)
def test_headers_that_say_what_to_do_next_are_kept(error: Exception, name: str, value: str) -> None:
    def fail() -> None:
        raise error

    assert answering(fail).post("/").headers[name] == value


def ask(asked: Asked) -> None:
    """Takes numbers."""


def test_a_wrong_value_is_told_by_its_place_and_not_repeated() -> None:
    answer = answering(ask).post("/", json={"numbers": {"age": PERSONAL}})
    assert [error["where"] for error in answer.json()["errors"]] == ["body.numbers.age"]
    assert answer.json()["errors"][0]["problem"] and PERSONAL not in answer.text


def test_the_list_of_mistakes_has_an_end() -> None:
    answer = answering(ask).post(
        "/", json={"numbers": {str(number): "x" for number in range(1000)}}
    )
    assert (answer.status_code, len(answer.json()["errors"])) == (422, 20)


@given(detail=st.text(), request_id=st.text())
def test_any_words_arrive_as_they_were_said(detail: str, request_id: str) -> None:
    answer = problem(ProblemError(422, "invalid-request", detail), request_id)
    told = Problem.model_validate_json(bytes(answer.body))
    assert (told.detail, told.request_id, told.errors) == (detail, request_id, None)
