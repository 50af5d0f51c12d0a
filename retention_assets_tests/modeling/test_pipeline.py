"""Calibration uses the last weeks, scored by models that have not seen their customers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import Candidate, candidate
from retention_assets.modeling.candidates.rows import FitRows, Fitted
from retention_assets.modeling.examples import Examples
from retention_assets.modeling.pipeline import (
    STOP_SHARE,
    fit_and_calibrate,
    fit_model,
    served_model,
    train,
)
from retention_assets.modeling.splits import (
    CALIBRATION_PERIODS,
    calibration_parts,
    forward_split,
    hash_share,
    later_cohort,
)
from retention_assets_tests.modeling.factories import churn, examples, hand_made
from serve.errors import BundleError

LOGISTIC = candidate("logistic_regression")
DATA = examples(customers=303, weeks=20)
SPLIT = forward_split(DATA, test_periods=3, folds=2, purge_days=35)
TASK = churn(seed=7, save_rate=0.25, saved_margin=120, contact_cost=8)
FIRST_PART = calibration_parts(DATA.entities) == 0


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


def test_model_is_fitted_on_all_rows_which_weigh_alike() -> None:
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    expected = DATA.take(SPLIT.train)
    np.testing.assert_array_equal(fits[0].X, expected.X)
    assert fits[0].y.tolist() == expected.y.tolist()
    assert fits[0].w.tolist() == [1.0] * len(expected)


def test_rows_without_weight_are_not_fitted_on() -> None:
    recorder, fits = recording()
    weights = np.resize([0.0, 1.0, 2.5], len(DATA))
    _, calibration = fit_and_calibrate(recorder, replace(DATA, weights=weights), SPLIT.train, 7)
    counted = SPLIT.train & (weights > 0)
    np.testing.assert_array_equal(fits[0].X, DATA.X[counted])
    assert fits[0].w.tolist() == weights[counted].tolist()
    # They are scored all the same, for the threshold: capacity is a share of all customers.
    cohort = later_cohort(replace(DATA, weights=weights), SPLIT.train)
    assert calibration.weights is not None
    assert calibration.weights.tolist() == weights[cohort].tolist()
    assert not np.isnan(calibration.raw).any()


def test_folds_and_calibrator_follow_the_weights() -> None:
    """Leavers count three times: every level rises to theirs."""
    weights = np.where(DATA.y > 0, 3.0, 1.0)
    data = replace(DATA, weights=weights)
    trained = train(LOGISTIC, data, SPLIT, TASK)
    cohort = later_cohort(DATA, SPLIT.train)
    rate = np.average(DATA.y[cohort], weights=weights[cohort])
    p = trained.calibration_p
    assert np.average(p, weights=weights[cohort]) == pytest.approx(rate, abs=0.01)
    for fold, figures in zip(SPLIT.folds, trained.folds, strict=True):
        rate = np.average(DATA.y[fold.valid], weights=weights[fold.valid])
        assert figures["base_rate"] == pytest.approx(rate)
        assert figures["mean_error"] == pytest.approx(0, abs=0.02)


def test_too_few_customers_raise_error() -> None:
    few = examples(customers=60, weeks=8)
    names = np.unique(few.entities)
    fits = names[hash_share(names, "stop") >= STOP_SHARE][:4]
    with pytest.raises(NotTrainableError, match="4 entities are too few"):
        fit_model(candidate("xgboost"), few, np.isin(few.entities, fits), seed=1)


def test_stop_customers_have_no_rows_among_fitted_ones() -> None:
    recorder, fits = recording()
    fit_model(recorder, DATA, SPLIT.train, 7)
    entities = DATA.take(SPLIT.train).entities
    stop = fits[0].stop
    stopping = set(entities[stop].tolist())
    assert not stopping & set(entities[~stop].tolist())
    assert len(stopping) / len(set(entities.tolist())) == pytest.approx(STOP_SHARE, abs=0.05)


def test_calibration_scores_ignore_the_customers_own_labels() -> None:
    """Each part is scored by a model of the other part: its own labels change nothing there."""

    def relabel(data: Examples) -> None:
        data.y[FIRST_PART] = np.roll(data.y, 1)[FIRST_PART]

    _, first = fit_and_calibrate(LOGISTIC, DATA, SPLIT.train, 7)
    _, second = fit_and_calibrate(LOGISTIC, changed(relabel), SPLIT.train, 7)
    in_part = calibration_parts(first.entities) == 0
    assert 0.4 < in_part.mean() < 0.6
    assert first.raw[in_part].tolist() == second.raw[in_part].tolist()
    assert (first.raw[~in_part] != second.raw[~in_part]).all()


def test_calibrator_learns_from_the_last_weeks_alone() -> None:
    """All customers leave more often in the last weeks: the probabilities follow these."""
    late = later_cohort(DATA, SPLIT.train)
    assert len(np.unique(DATA.as_of[late])) == CALIBRATION_PERIODS

    def more_leave(data: Examples) -> None:
        data.y[late & (np.arange(len(data)) % 3 == 0)] = 1

    data = changed(more_leave)
    model, calibration = fit_and_calibrate(LOGISTIC, data, SPLIT.train, 7)
    rates = [data.y[rows].mean() for rows in (late, SPLIT.train)]
    assert rates[0] > rates[1] + 0.1
    p = model.platt.apply(calibration.raw)
    assert p.mean() == pytest.approx(rates[0], abs=0.01)
    assert model.probabilities(data.X[late]).mean() == pytest.approx(rates[0], abs=0.02)


def test_rows_outside_mask_do_not_affect_fit() -> None:
    def overwrite(data: Examples) -> None:
        data.X[~SPLIT.train] = 1e9
        data.y[~SPLIT.train] = 1

    first, second = (
        fit_model(LOGISTIC, data, SPLIT.train, 7) for data in (DATA, changed(overwrite))
    )
    assert (first.fitted.model, first.platt) == (second.fitted.model, second.platt)


@pytest.mark.parametrize("kind", [0, 1])
def test_rows_of_one_label_raise_error_with_fix(kind: int) -> None:
    """Also where only the customers of one part have it."""
    for rows in (np.ones(len(DATA), dtype=bool), ~FIRST_PART):

        def same_label(data: Examples, rows: np.ndarray = rows) -> None:
            data.y[rows] = kind

        with pytest.raises(
            NotTrainableError, match=r"(?s)same label.*more entities or a longer history"
        ):
            fit_model(LOGISTIC, changed(same_label), SPLIT.train, 7)


def test_train_fits_each_fold_then_whole_period() -> None:
    recorder, fits = recording()
    trained = train(recorder, DATA, SPLIT, TASK)
    # The whole period once with all rows, then without the customers of one part and of the other.
    whole = (SPLIT.train, SPLIT.train & ~FIRST_PART, SPLIT.train & FIRST_PART)
    expected = [int(rows.sum()) for rows in (*(fold.train for fold in SPLIT.folds), *whole)]
    assert len(SPLIT.folds) == 2 and [len(rows.y) for rows in fits] == expected
    for fold, figures in zip(SPLIT.folds, trained.folds, strict=True):
        assert (figures["train_rows"], figures["rows"]) == (fold.train.sum(), fold.valid.sum())
        assert (
            figures["base_rate"] == pytest.approx(DATA.y[fold.valid].mean())
            and 0.6 < figures["auc"] < 1
        )


def test_confidence_comes_from_calibration_rows() -> None:
    trained = train(LOGISTIC, DATA, replace(SPLIT, folds=()), TASK)
    cohort = DATA.take(later_cohort(DATA, SPLIT.train))
    _, calibration = fit_and_calibrate(LOGISTIC, DATA, SPLIT.train, TASK.seed)
    assert trained.folds == []
    assert trained.calibration_y.tolist() == cohort.y.tolist()
    assert trained.calibration_entities.tolist() == cohort.entities.tolist()
    expected = trained.model.platt.apply(calibration.raw)
    assert trained.calibration_p.tolist() == expected.tolist()


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


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("singular\nat row 3"), "broken cannot be fitted: singular Fix: Correct"),
        (ZeroDivisionError(), "broken cannot be fitted: ZeroDivisionError Fix: Correct"),
    ],
)
def test_library_that_refuses_to_fit_is_named(error: Exception, reason: str) -> None:
    def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
        raise error

    broken = Candidate("broken", "logistic_regression", fit)
    with pytest.raises(NotTrainableError, match=reason):
        train(broken, DATA, SPLIT, TASK)
