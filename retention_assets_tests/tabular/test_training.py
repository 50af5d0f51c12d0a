"""Training on a table: no identifier on both sides, folds choose, noise promotes nothing."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retention_assets.errors import NotTrainableError
from retention_assets.modeling import refit
from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.label_window import LabelWindow
from retention_assets.settings import Settings
from retention_assets.tabular import task
from retention_assets.tabular.dates import FORMATS
from retention_assets.tabular.table import UNDATED, FlatTable
from retention_assets.tabular.task import table_task
from retention_assets.tabular.training import TableResult, train_on_table
from serve.model.bundle import load_bundle

# A few hundred rows cannot show that probabilities are within the default of 3 points.
SETTINGS = Settings(bootstrap_rounds=200, calibration_tolerance=0.1)


@pytest.fixture(autouse=True)
def only_fast_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        task, "CANDIDATES", (candidate("logistic_regression"), candidate("xgboost"))
    )


def table(
    rows: int = 1500, signal: float = 2.0, first: int = 0, seed: int = 2, days: Sequence[str] = ()
) -> FlatTable:
    """One row per identifier. `days`: dates that the rows take in turn."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=rows)
    plan = rng.integers(0, 3, rows)
    y = (rng.random(rows) < 1 / (1 + np.exp(1.2 - signal * x))).astype(np.int8)
    cells = {
        "x": [f"{value:.4f}" for value in x],
        "plan": [("free", "gold", "none")[at] for at in plan],
    }
    when = (
        np.resize(np.array(days, dtype="datetime64[D]"), rows) if days else np.full(rows, UNDATED)
    )
    who = np.array([f"r{first + at:05d}" for at in range(rows)])
    return FlatTable(
        "t.csv",
        who,
        when,
        {name: np.array(cell, dtype=object) for name, cell in cells.items()},
        y,
        "1",
        days=FORMATS[0] if days else None,
    )


def trained(
    folder: Path,
    first: FlatTable,
    second: FlatTable | None = None,
    window: LabelWindow | None = None,
) -> TableResult:
    task = table_task(SETTINGS, first.name, window)
    return train_on_table(first, second, task, folder, lambda *_: None)


def test_signal_is_promoted_and_recipe_is_refitted_on_all_rows(tmp_path: Path) -> None:
    """The figures and scores are those of the tested model, the folder is the refit's."""
    first = table()
    result = trained(tmp_path / "model", first)
    chosen = result.comparison.challenger
    assert result.decision.promoted
    assert result.comparison.candidates[chosen].point()["auc"] > 0.8
    assert np.array_equal(result.evaluations[chosen].p, result.scored[1])
    scorer = load_bundle(tmp_path / "model", result.model.digest)
    assert result.model.is_refit and result.model.digest != result.decision.digest
    assert scorer.card.refitted and scorer.card.data_versions.keys() == {"t.csv"}
    assert scorer.card.candidate == chosen and result.model.rows == len(first)
    p = scorer.probabilities(result.model.encoding.apply(first))
    assert np.corrcoef(p[result.split.test], result.scored[1])[0, 1] > 0.9


def test_refit_that_disagrees_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refit, "MAX_MEAN_DIFFERENCE", 0.0)
    result = trained(tmp_path / "model", table())
    assert not result.model.is_refit and result.model.digest == result.decision.digest
    assert load_bundle(tmp_path / "model", result.decision.digest)
    assert result.model.sentence.startswith(
        f"The model is the tested one, of {result.split.train.sum():,} rows"
    )
    assert {path.is_dir() for path in (tmp_path / "model").iterdir()} == {False}


def test_noise_promotes_nothing_with_a_reason(tmp_path: Path) -> None:
    decision = trained(tmp_path / "model", table(signal=0.0)).decision
    assert not decision.promoted
    assert "has_signal" in decision.reason


def test_same_table_gives_same_model(tmp_path: Path) -> None:
    digests = [trained(tmp_path / name, table()).decision.digest for name in ("one", "two")]
    assert digests[0] == digests[1]


def test_identifiers_are_split_where_rows_have_no_time(
    tmp_path: Path,
) -> None:
    first = table()
    doubled = table(seed=3)  # the same identifiers once more
    both = FlatTable(
        "t.csv", np.r_[first.identifiers, doubled.identifiers], np.r_[first.as_of, doubled.as_of],
        {name: np.r_[column, doubled.columns[name]] for name, column in first.columns.items()},
        np.r_[np.asarray(first.y), np.asarray(doubled.y)], "1",
    )  # fmt: skip
    split = trained(tmp_path / "model", both).split
    assert 0.15 < split.test.mean() < 0.25 and (split.train | split.test).all()
    for before, after in (
        (split.train, split.test),
        *((fold.train, fold.valid) for fold in split.folds),
    ):
        assert before.any() and not set(both.identifiers[before]) & set(both.identifiers[after])


def test_folds_go_forward_where_rows_have_time(tmp_path: Path) -> None:
    dated = table(rows=2000, days=[f"2024-{month:02d}-01" for month in range(1, 11)])
    split = trained(tmp_path / "model", dated).split
    assert 0.15 <= split.test.mean() <= 0.3 and len(split.folds) == SETTINGS.folds
    for before, after in (
        (split.train, split.test),
        *((fold.train, fold.valid) for fold in split.folds),
    ):
        assert dated.as_of[before].max() < dated.as_of[after].min()


def test_identifiers_of_labeled_second_file_are_not_trained_on(
    tmp_path: Path,
) -> None:
    first = table()
    second = table(rows=500, first=1400, seed=9)
    result = trained(tmp_path / "model", first, second)
    assert result.parts.same_identifier == 100 and result.split.train.sum() == 1400
    assert (
        result.comparison.test.entities.tolist()
        == result.scored[0].tolist()
        == second.identifiers.tolist()
    )
    assert result.model.rows == len(first)  # its customers' earlier rows, and none of its own


def test_labels_of_second_file_choose_nothing(tmp_path: Path) -> None:
    first = table()
    second = table(rows=500, first=5000, seed=9)
    turned = FlatTable(
        "s.csv", second.identifiers, second.as_of, second.columns, 1 - np.asarray(second.y), "1"
    )
    with_labels = trained(tmp_path / "one", first, second)
    with_turned_labels = trained(tmp_path / "two", first, turned)
    assert with_labels.comparison.challenger == with_turned_labels.comparison.challenger
    assert np.array_equal(with_labels.scored[1], with_turned_labels.scored[1])
    assert with_labels.decision.promoted
    assert not with_turned_labels.decision.promoted


def test_unlabeled_second_file_is_scored_in_its_order(
    tmp_path: Path,
) -> None:
    first = table()
    second = table(rows=50, first=5000, seed=9)
    unlabeled = FlatTable("s.csv", second.identifiers, second.as_of, second.columns, None, None)
    result = trained(tmp_path / "model", first, unlabeled)
    assert result.scored[0].tolist() == second.identifiers.tolist()
    assert set(result.comparison.test.entities) <= set(first.identifiers)


def test_unlabeled_second_file_is_scored_by_the_refit(tmp_path: Path) -> None:
    second = table(rows=50, first=5000, seed=9)
    unlabeled = replace(second, y=None)
    result = trained(tmp_path / "model", table(), unlabeled)
    scorer = load_bundle(tmp_path / "model", result.model.digest)
    assert result.model.is_refit and scorer.card.refitted
    X = result.model.encoding.apply(second)
    assert np.array_equal(result.scored[1], scorer.probabilities(X))


@pytest.mark.parametrize("signal", [2.0, 0.0])
def test_400_rows_are_enough(tmp_path: Path, signal: float) -> None:
    result = trained(tmp_path / "model", table(rows=400, signal=signal))
    assert len(result.split.folds) >= 2 and result.comparison.leaderboard()
    assert result.model.is_refit or not signal  # constants agree with nothing
    assert (result.comparison.candidates[result.comparison.challenger].point()["auc"] > 0.75) == (
        signal > 0
    )


def test_very_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NotTrainableError, match="too few to compare candidates"):
        trained(tmp_path / "model", table(rows=120))


def test_few_identifiers_are_refused_by_count(tmp_path: Path) -> None:
    rows = table()
    of_two = FlatTable(
        "t.csv", np.resize(["a", "b"], len(rows)), rows.as_of, rows.columns, rows.y, "1"
    )
    with pytest.raises(NotTrainableError, match=r"1,500 rows with 2 identifiers.*--id COLUMN"):
        trained(tmp_path / "model", of_two)
