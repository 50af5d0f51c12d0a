"""Fitting and calibration use different customers, in each fold and in the final fit."""

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
HELD_OUT = in_calibration_part(DATA.entities)


def recording() -> tuple[Candidate, list[FitRows]]:
    """A logistic regression, and the rows of each of its fits."""
    fits: list[FitRows] = []

    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        fits.append(rows)
        return LOGISTIC.fit(rows, params, seed)

    return Candidate("recording", "logistic_regression", fit), fits


def changed(change: Callable[[Examples], None]) -> Examples:
    """A copy of the examples, changed in place by `change`."""
    copy = DATA.take(np.arange(len(DATA)))
    change(copy)
    return copy


def test_fit_excludes_calibration_customers_and_weighs_alike() -> None:
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    (rows,) = fits
    expected = DATA.take(SPLIT.train & ~HELD_OUT)
    np.testing.assert_array_equal(rows.X, expected.X)
    assert rows.y.tolist() == expected.y.tolist() and rows.w.tolist() == [1.0] * len(expected)


def test_too_few_customers_raise_error() -> None:
    few = examples(customers=60, weeks=8)
    names = np.unique(few.entities)
    fits = names[~in_calibration_part(names) & (hash_share(names, "stop") >= STOP_SHARE)][:4]
    rows = np.isin(few.entities, fits) | in_calibration_part(few.entities)
    with pytest.raises(NotTrainableError, match="4 entities are too few"):
        fit_model(candidate("xgboost"), few, rows, seed=1)


def test_stop_customers_have_no_rows_among_fitted_ones() -> None:
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    entities = DATA.take(SPLIT.train & ~HELD_OUT).entities
    stop = fits[0].stop
    stopping = set(entities[stop].tolist())
    assert not stopping & set(entities[~stop].tolist())
    assert len(stopping) / len(set(entities.tolist())) == pytest.approx(STOP_SHARE, abs=0.05)


def test_calibration_customers_affect_only_calibrator() -> None:
    def relabel(data: Examples) -> None:
        data.y[HELD_OUT] = np.roll(data.y, 1)[HELD_OUT]

    first, second = (fit_model(LOGISTIC, data, SPLIT.train, 7) for data in (DATA, changed(relabel)))
    assert first.fitted.model == second.fitted.model and first.platt != second.platt


def test_calibrated_mean_matches_calibration_rate() -> None:
    model = fit_model(LOGISTIC, DATA, SPLIT.train, 7)
    calibration = DATA.take(SPLIT.train & HELD_OUT)
    p = model.probabilities(calibration.X)
    assert p.mean() == pytest.approx(calibration.y.mean(), abs=0.01)


def test_rows_outside_mask_do_not_affect_fit() -> None:
    def overwrite(data: Examples) -> None:
        data.X[~SPLIT.train] = 1e9
        data.y[~SPLIT.train] = 1

    first, second = (
        fit_model(LOGISTIC, data, SPLIT.train, 7) for data in (DATA, changed(overwrite))
    )
    assert (first.fitted.model, first.platt) == (second.fitted.model, second.platt)


@pytest.mark.parametrize("kind", [0, 1])
def test_calibration_with_one_label_raises_error_with_fix(kind: int) -> None:
    def same_label(data: Examples) -> None:
        data.y[HELD_OUT] = kind

    with pytest.raises(
        NotTrainableError, match=r"(?s)same label.*more entities or a longer history"
    ):
        fit_model(LOGISTIC, changed(same_label), SPLIT.train, 7)


def test_train_fits_each_fold_then_whole_period() -> None:
    recorder, fits = recording()
    trained = train(recorder, DATA, SPLIT, TASK)
    periods = [*(fold.train for fold in SPLIT.folds), SPLIT.train]
    assert len(SPLIT.folds) == 2 and [len(rows.y) for rows in fits] == [
        int((rows & ~HELD_OUT).sum()) for rows in periods
    ]
    for fold, figures in zip(SPLIT.folds, trained.folds, strict=True):
        assert (figures["train_rows"], figures["rows"]) == (fold.train.sum(), fold.valid.sum())
        assert (
            figures["base_rate"] == pytest.approx(DATA.y[fold.valid].mean())
            and 0.6 < figures["auc"] < 1
        )


def test_confidence_comes_from_calibration_customers() -> None:
    trained = train(LOGISTIC, DATA, replace(SPLIT, folds=()), TASK)
    calibration = DATA.take(SPLIT.train & HELD_OUT)
    assert trained.folds == []
    assert trained.calibration_y.tolist() == calibration.y.tolist()
    assert trained.calibration_p.tolist() == trained.model.probabilities(calibration.X).tolist()


def test_probability_is_calibrated_score_of_preprocessed_row() -> None:
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
def test_unreadable_model_file_stops_training(content: bytes, features: int) -> None:
    with pytest.raises(BundleError, match="not a readable logistic_regression of 4 features"):
        served_model("logistic_regression", content, features)
