"""The card of a model folder: serving reads what training wrote, and all numbers are finite."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from retention_assets_tests.serve.bundles import card
from serve.model.card import MODEL_FILES, Card, fingerprint_of


def changed(where: str, value: Any) -> str:
    """The JSON of a valid card with one entry changed; `where` is a path with dots."""
    content: Any = json.loads(json.dumps(card()))
    *path, last = (int(step) if step.isdigit() else step for step in where.split("."))
    part = content
    for step in path:
        part = part[step]
    part[last] = value
    return json.dumps(content)


@pytest.mark.parametrize("kind", sorted(MODEL_FILES))
def test_written_card_is_read_back(kind: str) -> None:
    written = Card.model_validate(
        card(kind, trained_as_of=["2024-01-01"], seed=7, settings={"folds": 3})
    )
    assert Card.model_validate(json.loads(written.model_dump_json())) == written


def test_unknown_entries_are_ignored() -> None:
    assert Card.model_validate(card(added_later=1)) == Card.model_validate(card())


@pytest.mark.parametrize(
    "where",
    [
        "threshold",
        "risk_levels.HIGH",
        "calibration.a",
        "calibration.b",
        "reference.median.0",
        "reference.high.2",
        "preprocess.fill.1",
        "preprocess.scale.1",
        "confidence.edges.1",
        "confidence.half_width.0",
    ],
)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "much", [0.5]])
def test_value_that_is_no_finite_number_is_located(where: str, value: Any) -> None:
    with pytest.raises(ValidationError) as error_info:
        Card.model_validate(json.loads(changed(where, value)))
    assert {".".join(map(str, error["loc"])) for error in error_info.value.errors()} == {where}


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("threshold", -0.01),
        ("threshold", 1.01),
        ("risk_levels.MEDIUM", 40),
        ("preprocess.scale.0", 0.0),
        ("preprocess.scale.0", -1.0),
        ("confidence.half_width.1", 1.5),
        ("calibration.kind", "isotonic"),
        ("features", []),
        ("task", None),
    ],
)
def test_value_out_of_range_is_rejected(where: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=where.split(".")[0]):
        Card.model_validate(json.loads(changed(where, value)))


@pytest.mark.parametrize(
    "part",
    ["preprocess.fill", "preprocess.mean", "preprocess.scale", "reference.low", "reference.high"],
)
def test_list_longer_than_the_features_is_rejected(part: str) -> None:
    with pytest.raises(ValidationError, match="one entry per feature"):
        Card.model_validate(json.loads(changed(part, [1.0] * 4)))


def test_feature_without_training_values_has_no_median() -> None:
    card_without_median = Card.model_validate(json.loads(changed("reference.median.1", None)))
    assert card_without_median.reference.median[1] is None


@pytest.mark.parametrize(
    ("names", "other", "same"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["b", "a"], False),
        (["ab"], ["a", "b"], False),
        (["ab", "c"], ["a", "bc"], False),
        (["a", "b"], ["a", "b", "b"], False),
        (["a"], ["A"], False),
    ],
)
def test_fingerprint_depends_on_names_and_order(
    names: list[str], other: list[str], same: bool
) -> None:
    assert (fingerprint_of(names) == fingerprint_of(other)) == same
    assert len(fingerprint_of(names)) == 16 and int(fingerprint_of(names), 16) >= 0
