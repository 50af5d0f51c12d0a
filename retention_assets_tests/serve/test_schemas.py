"""What the HTTP interface takes for a customer, a number and a batch, to the last character."""

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
    """Whether a body that was parsed by Python's JSON, which knows NaN and infinity, is taken."""
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
def test_an_id_is_any_text_of_its_length_without_control_characters(name: str) -> None:
    right = 0 < len(name) <= MAX_ID_CHARS and not ASCII_CONTROL & set(name)
    assert accepted(PredictRequest, customer_id=name) == right
    assert accepted(BatchRequest, customer_ids=["a", name]) == right


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x00", "\x1b[2J", "\x7f"])
def test_an_id_cannot_end_a_line_of_a_log_or_a_key(end: str) -> None:
    assert unicodedata.category(end[0]) == "Cc"
    assert not accepted(PredictRequest, customer_id=f"a{end}") and not accepted(
        PredictRequest, customer_id=f"{end}a"
    )


@pytest.mark.parametrize(
    ("value", "taken"),
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
def test_an_override_is_a_finite_number_or_null(value: object, taken: bool) -> None:
    assert accepted(WhatIfRequest, customer_id="a", overrides={"recency_days": value}) == taken


@pytest.mark.parametrize(
    ("count", "taken"), [(0, False), (1, True), (MAX_OVERRIDES, True), (MAX_OVERRIDES + 1, False)]
)
def test_overrides_have_a_limit(count: int, taken: bool) -> None:
    assert (
        accepted(
            WhatIfRequest, customer_id="a", overrides={str(number): 1.0 for number in range(count)}
        )
        == taken
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
def test_an_unknown_or_missing_field_or_another_type_is_refused(body: dict) -> None:
    assert not accepted(PredictRequest, **body)


def test_one_wrong_id_refuses_the_batch_and_is_told_by_its_place() -> None:
    with pytest.raises(ValidationError) as refused:
        BatchRequest.model_validate({"customer_ids": ["a", "", "b\x00"]})
    assert [error["loc"] for error in refused.value.errors()] == [
        ("customer_ids", 1),
        ("customer_ids", 2),
    ]


def test_the_interface_shows_every_promised_limit() -> None:
    """What is refused stands in the schema, so that a caller can know before."""
    described = PredictRequest.model_json_schema()["properties"]["customer_id"]
    assert (described["minLength"], described["maxLength"], "pattern" in described) == (
        1,
        MAX_ID_CHARS,
        True,
    )
    assert (
        WhatIfRequest.model_json_schema()["properties"]["overrides"]["maxProperties"]
        == MAX_OVERRIDES
    )
    share = Prediction.model_json_schema()["properties"]["churn_probability"]
    assert (share["minimum"], share["maximum"]) == (0, 1)
