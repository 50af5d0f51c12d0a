"""The gap in AUC: large where today's values give the label away, about zero where they do not."""

from typing import Any

import numpy as np

from retention_assets.modeling.utility import ContactUtility
from retention_assets.training.leak_audit.auc_gap import auc_gap
from retention_assets.training.leak_audit.readings import Readings
from retention_assets_tests.training.leak_audit.factories import readings

UTILITY = ContactUtility(contact_cost=1, saved_margin=10, save_rate=0.2, capacity_share=0.1)
N = 400


def sample(leak: float, base_rate: float = 0.3) -> Readings:
    """A weak signal on the day; today's values follow the label by `leak`."""
    rng = np.random.default_rng(5)
    labels = (rng.random(N) < base_rate).astype(np.int8)
    noise = rng.normal(size=(N, 3))
    noise[:, 2] = np.nan
    known = noise + 0.4 * labels[:, None]
    columns: dict[str, Any] = {
        "entities": np.array([f"C{number // 2}" for number in range(N)]),
        "as_of": np.full(N, np.datetime64("2024-03-04")),
        "y": labels,
    }
    return readings(**columns, known=known, latest=known + leak * labels[:, None])


def test_gap_shows_what_a_naive_join_overstates() -> None:
    gap = auc_gap(sample(leak=2.0), UTILITY)
    assert 0.5 < gap["auc_as_of"] < 0.75 and gap["auc_naive"] > 0.9
    assert gap["auc_gap"] == gap["auc_naive"] - gap["auc_as_of"]
    assert 0.1 < gap["auc_gap_low"] < gap["auc_gap"] < gap["auc_gap_high"] < 0.5


def test_equal_joins_have_no_gap() -> None:
    gap = auc_gap(sample(leak=0.0), UTILITY)
    assert gap["auc_gap"] == gap["auc_gap_low"] == gap["auc_gap_high"] == 0


def test_rare_labels_give_no_gap() -> None:
    assert auc_gap(sample(leak=2.0, base_rate=0.02), UTILITY) == {}
