"""Who is fitted on and who is calibrated on are never the same customers, in a fold as in the end, and nobody else counts."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import Candidate, candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import STOP_SHARE, fit_model, served_model, train
from retention_assets.modeling.splits import forward_split, hash_share, in_calibration_part
from retention_assets_tests.modeling.factories import churn, examples, hand_made
from serve.errors import BundleError

LOGISTIC = candidate("logistic_regression")
DATA = examples(customers=303, weeks=20)
SPLIT = forward_split(DATA, test_periods=3, folds=2, purge_days=35)
TASK = churn(seed=7, save_rate=0.25, saved_margin=120, contact_cost=8)
HELD = in_calibration_part(DATA.entities)


def recording() -> tuple[Candidate, list[FitRows]]:
    """A logistic regression, and the rows of each of its fits."""
    fits: list[FitRows] = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        fits.append(rows)
        return LOGISTIC.fit(rows, params, seed)

    return Candidate("recording", "logistic_regression", fit), fits


def changed(change: Callable[[Examples], None]) -> Examples:
    """The examples with this done to them."""
    copy = DATA.take(np.arange(len(DATA)))
    change(copy)
    return copy


def test_a_recorderis_given_its_rows_without_the_calibration_customers_all_weighing_the_same() -> (
    None
):
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    (given,) = fits
    mine = DATA.take(SPLIT.train & ~HELD)
    np.testing.assert_array_equal(given.X, mine.X)
    assert given.y.tolist() == mine.y.tolist() and given.w.tolist() == [1.0] * len(mine)


def test_customers_too_few_to_keep_some_apart_are_refused() -> None:
    few = examples(customers=60, weeks=8)
    names = np.unique(few.entities)
    fits = names[~in_calibration_part(names) & (hash_share(names, "stop") >= STOP_SHARE)][:4]
    rows = np.isin(few.entities, fits) | in_calibration_part(few.entities)
    with pytest.raises(NotTrainableError, match="4 entities are too few"):
        fit_model(candidate("xgboost"), few, rows, seed=1)


def test_whoever_tells_a_recorderwhen_to_stop_does_so_with_all_rows() -> None:
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    mine, stop = DATA.take(SPLIT.train & ~HELD).entities, fits[0].stop
    stopping = set(mine[stop].tolist())
    assert not stopping & set(mine[~stop].tolist())
    assert len(stopping) / len(set(mine.tolist())) == pytest.approx(STOP_SHARE, abs=0.05)


def test_calibration_customers_move_the_calibrator_and_never_the_model() -> None:
    def turn(data: Examples) -> None:
        data.y[HELD] = np.roll(data.y, 1)[HELD]

    one, two = (fit_model(LOGISTIC, data, SPLIT.train, 7) for data in (DATA, changed(turn)))
    assert one.fitted.model == two.fitted.model and one.platt != two.platt


def test_fitted_customers_labels_do_not_reach_the_calibrator_but_through_the_scores() -> None:
    model = fit_model(LOGISTIC, DATA, SPLIT.train, 7)
    held = DATA.take(SPLIT.train & HELD)
    p = model.probabilities(held.X)
    assert p.mean() == pytest.approx(held.y.mean(), abs=0.01)


def test_rows_outside_the_mask_are_as_if_they_were_not() -> None:
    def spoil(data: Examples) -> None:
        data.X[~SPLIT.train], data.y[~SPLIT.train] = 1e9, 1

    one, two = (fit_model(LOGISTIC, data, SPLIT.train, 7) for data in (DATA, changed(spoil)))
    assert (one.fitted.model, one.platt) == (two.fitted.model, two.platt)


@pytest.mark.parametrize("kind", [0, 1])
def test_calibration_customers_of_one_kind_are_refused_with_what_to_give(kind: int) -> None:
    def alike(data: Examples) -> None:
        data.y[HELD] = kind

    with pytest.raises(
        NotTrainableError, match=r"(?s)same label.*more entities or a longer history"
    ):
        fit_model(LOGISTIC, changed(alike), SPLIT.train, 7)


def test_each_fold_is_fitted_on_what_lies_before_it_and_the_last_fit_is_on_the_whole_training_period() -> (
    None
):
    recorder, fits = recording()
    trained = train(recorder, DATA, SPLIT, TASK)
    periods = [*(fold.train for fold in SPLIT.folds), SPLIT.train]
    assert len(SPLIT.folds) == 2 and [len(given.y) for given in fits] == [
        int((rows & ~HELD).sum()) for rows in periods
    ]
    for fold, figures in zip(SPLIT.folds, trained.folds, strict=True):
        assert (figures["train_rows"], figures["rows"]) == (fold.train.sum(), fold.valid.sum())
        assert (
            figures["base_rate"] == pytest.approx(DATA.y[fold.valid].mean())
            and 0.6 < figures["auc"] < 1
        )


def test_what_says_how_sure_a_score_is_comes_from_the_calibration_customers_of_the_training_period() -> (
    None
):
    trained = train(LOGISTIC, DATA, replace(SPLIT, folds=()), TASK)
    held = DATA.take(SPLIT.train & HELD)
    assert trained.folds == []
    assert trained.calibration_y.tolist() == held.y.tolist()
    assert trained.calibration_p.tolist() == trained.model.probabilities(held.X).tolist()


def test_a_probability_is_the_calibrated_score_of_the_preprocessed_row() -> None:
    model = hand_made(DATA, a=0.5).model
    steps = model.fitted.preprocess
    assert steps is not None
    x = (np.array([40.0, steps.fill[1]]) - steps.mean[:2]) / steps.scale[:2]
    log_odds = x[0] - x[1] - 1.0
    row = np.array([[40.0, np.nan, 1.0, 1.0]])
    assert model.raw(row)[0] == pytest.approx(1 / (1 + np.exp(-log_odds)))
    assert model.probabilities(row)[0] == pytest.approx(1 / (1 + np.exp(-0.5 * log_odds)))


@pytest.mark.parametrize(
    ("content", "features"), [(b"", 4), (b"{}", 4), (b'{"coef": [1.0], "intercept": 0.0}', 4)]
)
def test_a_fit_that_serving_cannot_read_stops_the_training(content: bytes, features: int) -> None:
    with pytest.raises(BundleError, match="not a readable logistic_regression of 4 features"):
        served_model("logistic_regression", content, features)
