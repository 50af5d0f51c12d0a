"""Model folders: same bytes in any folder, a valid card, a threshold from the utility."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from retention_assets.modeling.bundle import card_of, threshold, write_bundle
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.modeling.splits import TrainTestSplit
from retention_assets.modeling.utility import ContactUtility
from retention_assets_tests.modeling.factories import UTILITY, churn, examples, hand_made
from serve.errors import BundleError
from serve.model.bundle import digest_of, load_bundle
from serve.model.card import CARD_FILE

DATA = examples(customers=30, weeks=6)
WEEKS = np.unique(DATA.as_of)
TRAINED = hand_made(DATA)
TASK = replace(churn(seed=7), source="made up")
SPLIT = TrainTestSplit(DATA.as_of < WEEKS[3], DATA.as_of >= WEEKS[4], ())


def test_bundle_has_same_digest_in_any_folder(
    tmp_path: Path,
) -> None:
    old = tmp_path / "two" / "model.ubj"
    old.parent.mkdir()
    old.write_bytes(b"an older model of another kind")
    first, second = (
        write_bundle(tmp_path / name, TRAINED, DATA, split=SPLIT, task=TASK)
        for name in ("one", "two")
    )
    assert first == second == digest_of(tmp_path / "two")
    assert {path.name for path in (tmp_path / "two").iterdir()} == {CARD_FILE, "model.json"}
    served = load_bundle(tmp_path / "two", second).probabilities(DATA.X)
    assert served == pytest.approx(TRAINED.model.probabilities(DATA.X), abs=1e-12)


@pytest.mark.parametrize("part", ["seed", "data", "settings", "calibration"])
def test_digest_changes_with_every_input(part: str, tmp_path: Path) -> None:
    task = replace(TASK, seed=8) if part == "seed" else TASK
    task = replace(TASK, label_window=LabelWindow(8, 30)) if part == "settings" else task
    data = replace(DATA, y=(1 - DATA.y).astype(np.int8)) if part == "data" else DATA
    trained = hand_made(DATA, a=0.9) if part == "calibration" else TRAINED
    digest = write_bundle(tmp_path / "one", TRAINED, DATA, split=SPLIT, task=TASK)
    assert write_bundle(tmp_path / "two", trained, data, split=SPLIT, task=task) != digest


def test_card_shows_training_and_test_weeks_and_data_version() -> None:
    card = card_of(TRAINED, DATA, split=SPLIT, task=TASK)
    assert card["trained_as_of"] == [str(WEEKS[0]), str(WEEKS[2])] and card["test_as_of"] == [
        str(WEEKS[4]),
        str(WEEKS[5]),
    ]
    assert card["data_versions"] == {"training/churn_examples": DATA.fingerprint}
    nobody = np.zeros(len(DATA), dtype=bool)
    assert card_of(TRAINED, DATA, split=replace(SPLIT, test=nobody), task=TASK)["test_as_of"] == []


def test_reference_holds_training_percentiles_or_null() -> None:
    data = DATA.take(np.arange(len(DATA)))
    data.X[SPLIT.train, 2] = np.linspace(0, 1000, SPLIT.train.sum())
    data.X[~SPLIT.train, 2] = 1e6
    data.X[SPLIT.train, 3] = np.nan
    card = card_of(TRAINED, data, split=SPLIT, task=TASK)
    percentiles = {name: levels[2] for name, levels in card["reference"].items()}
    assert percentiles == pytest.approx({"low": 5.0, "median": 500.0, "high": 995.0})
    assert {name: levels[3] for name, levels in card["reference"].items()} == dict.fromkeys(
        ("low", "median", "high")
    )
    json.dumps(card, allow_nan=False)


@pytest.mark.parametrize("slope", [np.nan, np.inf])
def test_invalid_card_is_not_written(slope: float, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"calibration\.a"):
        write_bundle(tmp_path / "m", hand_made(DATA, a=slope), DATA, split=SPLIT, task=TASK)
    assert not (tmp_path / "m" / CARD_FILE).exists()
    with pytest.raises(BundleError, match=r"no bundle\.json"):
        load_bundle(tmp_path / "m", digest_of(tmp_path / "m"))


@pytest.mark.parametrize(
    ("utility", "expected"),
    [
        (UTILITY, 0.8),  # a fifth of scores spread from 0 to 1
        (replace(UTILITY, capacity_share=1.0), 8 / 30),  # capacity for all rows: break-even decides
        (replace(UTILITY, contact_cost=27.0), 0.9),
        (replace(UTILITY, contact_cost=31.0), 1.0),  # no churner is worth it
        (replace(UTILITY, save_rate=0.0), 1.0),
    ],
)
def test_threshold_is_higher_of_capacity_and_break_even(
    utility: ContactUtility, expected: float
) -> None:
    assert threshold(np.linspace(0, 1, 101), utility) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=60, unique=True),
    capacity=st.floats(0.01, 1),
    cost=st.floats(0, 100),
)
def test_flagged_rows_are_above_break_even_within_capacity(
    p: list[float], capacity: float, cost: float
) -> None:
    utility = ContactUtility(cost, saved_margin=120, save_rate=0.25, capacity_share=capacity)
    cut = threshold(np.array(p), utility)
    flagged = [score for score in p if score >= cut]
    assert 0 <= cut <= 1 and len(flagged) <= capacity * len(p) + 1
    assert all(score >= min(utility.breakeven, 1.0) for score in flagged)
