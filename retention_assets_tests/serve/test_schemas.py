"""Which ids, numbers and batches the HTTP interface accepts."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from serve.schemas import (
    MAX_ID_CHARS,
    MAX_OVERRIDES,
    BatchRequest,
    Prediction,
    PredictRequest,
    WhatIfRequest,
)

ASCII_CONTROL = {chr(code) for code in (*range(32), 127)}


def accepted(request: type[BaseModel], **body: object) -> bool:
    """Whether the schema accepts a body parsed by Python's JSON, which allows NaN and infinity."""
    try:
        request.model_validate(json.loads(json.dumps(body)))
    except ValidationError:
        return False
    return True


@given(
    name=st.text(
        st.characters(codec="utf-8") | st.sampled_from("\n\r\t\x00\x1b\x7f"),
        max_size=MAX_ID_CHARS + 3,
    )
)
def test_id_is_text_without_control_characters(name: str) -> None:
    is_valid = 0 < len(name) <= MAX_ID_CHARS and not ASCII_CONTROL & set(name)
    assert accepted(PredictRequest, customer_id=name) == is_valid
    assert accepted(BatchRequest, customer_ids=["a", name]) == is_valid


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x00", "\x1b[2J", "\x7f"])
def test_id_cannot_break_a_log_line_or_a_key(end: str) -> None:
    assert unicodedata.category(end[0]) == "Cc"
    assert not accepted(PredictRequest, customer_id=f"a{end}") and not accepted(
        PredictRequest, customer_id=f"{end}a"
    )


@pytest.mark.parametrize(
    ("value", "is_accepted"),
    [
        (0, True),
        (-1.5, True),
        (None, True),
        (1e308, True),
        (2**63, True),
        (float("nan"), False),
        (float("inf"), False),
        (-float("inf"), False),
        (10**400, False),
        (True, False),
        ("1", False),
        ([1.0], False),
        ({}, False),
    ],
)
def test_override_is_a_finite_number_or_null(value: object, is_accepted: bool) -> None:
    assert (
        accepted(WhatIfRequest, customer_id="a", overrides={"recency_days": value}) == is_accepted
    )


@pytest.mark.parametrize(
    ("count", "is_accepted"),
    [(0, False), (1, True), (MAX_OVERRIDES, True), (MAX_OVERRIDES + 1, False)],
)
def test_number_of_overrides_is_limited(count: int, is_accepted: bool) -> None:
    assert (
        accepted(
            WhatIfRequest, customer_id="a", overrides={str(number): 1.0 for number in range(count)}
        )
        == is_accepted
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"customer_id": "a", "x": 1},
        {"customer_id": ["a"]},
        {"customer_id": 7},
        {"customer_id": True},
    ],
)
def test_unknown_missing_or_mistyped_field_is_rejected(body: dict) -> None:
    assert not accepted(PredictRequest, **body)


def test_invalid_id_in_a_batch_is_located() -> None:
    with pytest.raises(ValidationError) as error_info:
        BatchRequest.model_validate({"customer_ids": ["a", "", "b\x00"]})
    assert [error["loc"] for error in error_info.value.errors()] == [
        ("customer_ids", 1),
        ("customer_ids", 2),
    ]


def test_schema_shows_every_limit() -> None:
    """Callers can read the limits before they send a request."""
    customer_id = PredictRequest.model_json_schema()["properties"]["customer_id"]
    assert (customer_id["minLength"], customer_id["maxLength"], "pattern" in customer_id) == (
        1,
        MAX_ID_CHARS,
        True,
    )
    assert (
        WhatIfRequest.model_json_schema()["properties"]["overrides"]["maxProperties"]
        == MAX_OVERRIDES
    )
    share = Prediction.model_json_schema()["properties"]["churn_probability"]
    bounds, nothing = share["anyOf"]
    assert (bounds["minimum"], bounds["maximum"], nothing["type"]) == (0, 1, "null")
