"""A summary of purchases counts days, leaves out the first amount, and refuses contradictions."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention_assets.errors import CustomerValueError
from retention_assets.value.lifetime.purchases import summarize_purchases
from retention_assets_tests.value.lifetime.buyers import summary_of
from retention_assets_tests.value.lifetime.cdnow import cdnow_sample

DAYS = st.integers(0, 200)


def test_summary_counts_days_and_repeat_amounts() -> None:
    rows = [
        ("a", "2024-01-01", 5.0),
        ("b", "2024-01-15", 7.0),
        ("a", "2024-01-15", 10.0),
        ("a", "2024-01-15", 20.0),  # the same day: one purchase of 30
        ("a", "2024-01-29", 50.0),
        ("a", "2024-02-06", 99.0),  # after the end
    ]
    customers, summary = summarize_purchases(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows], "datetime64[D]"),
        np.array([row[2] for row in rows]),
        end=date(2024, 2, 5),
    )
    assert customers.tolist() == ["a", "b"]
    assert summary.frequency.tolist() == [2, 0]
    assert summary.recency.tolist() == [4, 0]
    assert summary.T.tolist() == [5, 3]
    assert summary.monetary is not None and summary.monetary.tolist() == [40, 0]


def test_cdnow_sample_has_published_counts(data_dir: Path) -> None:
    summary = cdnow_sample(data_dir)
    assert len(summary) == 2357
    assert (summary.frequency > 0).sum() == 946
    assert summary.T.max() == pytest.approx(272 / 7)


def test_no_purchase_before_end_gives_no_customer() -> None:
    customers, summary = summarize_purchases(
        np.array(["a"]), np.array(["2024-02-06"], "datetime64[D]"), np.ones(1), end=date(2024, 1, 1)
    )
    assert len(customers) == len(summary) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), DAYS), min_size=1, max_size=40), DAYS)
def test_summary_is_valid_for_any_purchases(rows: list[tuple[int, int]], last: int) -> None:
    first_day = np.datetime64("2024-01-01")
    days = first_day + np.array([row[1] for row in rows])
    customers, summary = summarize_purchases(
        np.array([row[0] for row in rows]),
        days,
        np.ones(len(rows)),
        end=date(2024, 1, 1) + timedelta(days=last),
    )
    known = {(customer, day) for customer, day in rows if day <= last}
    assert len(customers) == len({customer for customer, _ in known})
    assert summary.frequency.sum() == len(known) - len(customers)
    assert (summary.recency <= summary.T).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([1.0], [9.0], [5.0], [3.0]), "recency is later than T .first row 0.*Fix: Leave out"),
        (([-1.0], [1.0], [5.0], [3.0]), "frequency is negative"),
        (([1.5], [1.0], [5.0], [3.0]), "no whole number"),
        (([1.0], [2.0], [5.0], [0.0]), "monetary value is not positive"),
        (([1.0], [2.0], [np.nan], [3.0]), "T is not a number"),
        (([0.0], [2.0], [5.0], [3.0]), "contradict each other"),
        (([1.0], [0.0], [5.0], [3.0]), "contradict each other"),
        (([1.0], [-2.0], [5.0], [3.0]), "recency is negative"),
        (([1.0], [2.0, 3.0], [5.0], [3.0]), "recency has the shape"),
        (([1.0], [2.0], [5.0], [3.0], 0.0), "unit of time is 0.0 days"),
    ],
)
def test_contradiction_is_refused(columns: tuple, message: str) -> None:
    with pytest.raises(CustomerValueError, match=message):
        summary_of(*columns)


def test_purchase_without_amount_or_day_is_refused() -> None:
    day = np.array(["2024-01-01"], "datetime64[D]")
    with pytest.raises(CustomerValueError, match="an amount is not a number"):
        summarize_purchases(np.ones(1), day, np.array([np.nan]), end=date(2024, 2, 1))
    with pytest.raises(CustomerValueError, match="a purchase has no day"):
        nowhere = np.array(["NaT"], "datetime64[D]")
        summarize_purchases(np.ones(1), nowhere, np.ones(1), end=date(2024, 2, 1))
    with pytest.raises(CustomerValueError, match="2 customers, 1 days and 1 amounts"):
        summarize_purchases(np.ones(2), day, np.ones(1), end=date(2024, 2, 1))
