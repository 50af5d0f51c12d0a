"""Each candidate learns, and its folder serves the trained model, equal on a second fit."""

from pathlib import Path

import numpy as np
import pytest

from retention_assets.modeling.candidates.declared import CANDIDATES, Candidate
from retention_assets_tests.modeling.factories import churn, evaluate, examples
from serve.model.bundle import digest_of, load_bundle

TASK = churn()
DATA = examples(customers=250, weeks=26)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_candidate_serves_what_it_learned(candidate: Candidate, tmp_path: Path) -> None:
    evaluation = evaluate(candidate, DATA, tmp_path / "one", TASK)
    scorer = load_bundle(tmp_path / "one", evaluation.digest)
    trained = evaluation.trained.model.probabilities(evaluation.test.X)
    assert scorer.probabilities(evaluation.test.X) == pytest.approx(trained, abs=1e-6)
    assert scorer.score(evaluation.test.X[0]).probability == pytest.approx(trained[0], abs=1e-6)
    assert evaluation.figures()["auc"] > 0.75
    suffixes = {path.suffix for path in (tmp_path / "one").iterdir()}
    assert suffixes <= {".json", ".ubj", ".treelite", ".keras"}
    again = evaluate(candidate, DATA, tmp_path / "two", TASK)
    assert again.p == pytest.approx(evaluation.p, abs=1e-6)
    assert again.digest == evaluation.digest == digest_of(tmp_path / "two")


def test_test_weeks_do_not_affect_training(tmp_path: Path) -> None:
    """Other labels in the last weeks change the figures, never the model."""
    candidate = CANDIDATES[-1]
    changed = DATA.take(np.ones(len(DATA), dtype=bool))
    last = changed.as_of >= np.unique(changed.as_of)[-3]
    changed.y[last] = 1 - changed.y[last]
    first = evaluate(candidate, DATA, tmp_path / "one", TASK)
    second = evaluate(candidate, changed, tmp_path / "two", TASK)
    assert (
        first.p == pytest.approx(second.p, abs=0)
        and first.figures()["auc"] > 0.7 > second.figures()["auc"]
    )
    names = {
        path.name: path.read_bytes()
        for path in (tmp_path / "one").iterdir()
        if path.suffix != ".json"
    }
    assert names == {
        path.name: path.read_bytes()
        for path in (tmp_path / "two").iterdir()
        if path.suffix != ".json"
    }
