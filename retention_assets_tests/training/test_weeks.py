"""Which examples a training may read."""

from datetime import date

import pytest

from retention_assets import keys
from retention_assets.resources.lake import Lake
from retention_assets.training.weeks import read_known

FINAL = [date(2024, 5, day) for day in (6, 13, 20)]


@pytest.mark.parametrize(
    ("key", "as_of", "rows"),
    [
        (keys.CHURN_EXAMPLES, None, 3),
        (keys.CHURN_EXAMPLES, date(2024, 5, 13), 2),
        (keys.CHURN_EXAMPLES, date(2024, 5, 12), 1),
        (keys.CHURN_LEADERBOARD, date(2024, 5, 12), 3),
    ],
)
def test_labels_that_are_final_later_are_left_out(
    lake: Lake, key: str, as_of: date | None, rows: int
) -> None:
    frame = lake.spark.createDataFrame([(day,) for day in FINAL], "label_observed_at date")
    assert read_known(key, lambda _: frame, as_of).count() == rows
