"""Columns that know the label are refused or pointed at; honest ones are left alone."""

from collections.abc import Sequence

import numpy as np
import pytest

from retention_assets.tabular.cells import number_format
from retention_assets.tabular.encoding.leaks import leak, separation, suspicion

N = 400
RNG = np.random.default_rng(3)
Y = np.sort((RNG.random(N) < 0.25).astype(np.int8))[::-1]  # the leavers come first
NOISE = RNG.random(N)


def reasons(cells: Sequence[str | None], y: np.ndarray = Y) -> tuple[str | None, str | None]:
    column = np.array(cells, dtype=object)
    form = number_format(column, ".")
    order = form.read(column) if form else None
    auc = separation(column, order, y)
    reason = leak(column, order, y, auc=auc, numbers=form is not None)
    return reason, suspicion(column, order, y, auc=auc)


@pytest.mark.parametrize(
    "counter",
    [
        range(N),
        range(N, 0, -1),
        range(40_000_000, 40_000_000 + 37 * N, 37),
        RNG.permutation(N) + 1000,
        np.sort(RNG.choice(50 * N, N, replace=False)),
        RNG.permutation(RNG.choice(round(1.25 * N), N, replace=False)),
    ],
    ids=["from 0", "backward", "in steps", "shuffled", "wide gaps", "shuffled with gaps"],
)
@pytest.mark.parametrize("y", [Y, RNG.permutation(Y)], ids=["leavers first", "mixed"])
def test_column_that_counts_rows_is_refused(counter: range, y: np.ndarray) -> None:
    assert "numbers the rows" in str(reasons([str(number) for number in counter], y)[0])


@pytest.mark.parametrize(
    "cells",
    [
        [str(round(50 * value)) for value in NOISE],
        [f"{value:.4f}" for value in NOISE],
        [f"{1000 * value:.0f}" for value in np.sort(NOISE)],
        ["a" if value > 0.5 else "b" for value in NOISE],
    ],
    ids=["small numbers", "fractions", "sorted by itself", "words"],
)
def test_honest_column_is_neither_refused_nor_suspect(cells: Sequence[str | None]) -> None:
    assert reasons(cells, RNG.permutation(Y)) == (None, None)


@pytest.mark.parametrize(
    "cells",
    [
        [("Closed" if value > 0.5 else "Churned") if label else ("Joined" if value > 0.9 else
         "Stayed") for label, value in zip(Y, NOISE, strict=True)],
        [("price" if value > 0.5 else "moved") if label else None
         for label, value in zip(Y, NOISE, strict=True)],
        [f"2023-01-{1 + round(30 * value):02d} {value}" if label else "9999-12-31"
         for label, value in zip(Y, NOISE, strict=True)],
        [str(1 + round(80 * value)) if label else "NA"
         for label, value in zip(Y, NOISE, strict=True)],
    ],
    ids=["status", "reason", "end of contract", "days since leaving"],
)  # fmt: skip
def test_column_written_after_the_event_is_refused(cells: Sequence[str | None]) -> None:
    assert "tells the label of every row" in str(reasons(cells)[0])


@pytest.mark.parametrize("nothing", [None, "N/A"])
def test_reason_that_few_leavers_have_is_refused(nothing: str | None) -> None:
    cells = [
        "price" if label and value > 0.5 else nothing for label, value in zip(Y, NOISE, strict=True)
    ]
    assert "filled for rows with the label only" in str(reasons(cells)[0])


def test_column_that_nearly_separates_is_pointed_at() -> None:
    refused, suspect = reasons(
        [str(round(100 * (0.35 * label + 0.4 * v))) for label, v in zip(Y, NOISE, strict=True)]
    )
    assert refused is None
    assert "alone separates the label with an AUC of 0.9" in str(suspect)


def test_word_of_leavers_only_is_pointed_at() -> None:
    cells = [
        "returned the router" if label and value > 0.6 else "calls" if value > 0.3 else "none"
        for label, value in zip(Y, NOISE, strict=True)
    ]
    refused, suspect = reasons(cells)
    assert refused is None
    assert "is returned the router for rows with the label only" in str(suspect)


def test_account_number_is_pointed_at() -> None:
    accounts = [str(number) for number in RNG.choice(10**9, N, replace=False) + 10**9]
    refused, suspect = reasons(accounts, RNG.permutation(Y))
    assert refused is None and "check that it is no identifier" in str(suspect)
