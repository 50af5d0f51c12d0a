"""Columns as numbers, learned from training rows alone; a disguised label is refused."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from retention_assets.errors import TableError
from retention_assets.tabular.dates import FORMATS
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.encoding.learning import learn
from retention_assets.tabular.table import UNDATED, FlatTable

N = 200
RNG = np.random.default_rng(5)
Y = (RNG.random(N) < 0.3).astype(np.int8)
NOISE = [f"{value:.3f}" for value in RNG.normal(size=N)]
SOUND = {"noise": NOISE}


def columns(**cells: Sequence[str | None]) -> dict[str, np.ndarray]:
    return {name: np.array(column, dtype=object) for name, column in cells.items()}


def second(cells: Mapping[str, np.ndarray]) -> FlatTable:
    n = len(next(iter(cells.values())))
    who = np.array([f"r{at}" for at in range(n)])
    return FlatTable("second.csv", who, np.full(n, UNDATED), dict(cells), None, None)


def applied(encoding: Encoding, cells: Mapping[str, np.ndarray]) -> np.ndarray:
    return encoding.apply(second(cells))


def test_numbers_stay_numbers_and_what_is_none_is_unknown() -> None:
    written = ["7.5", "1e3", "-2", "inf", None, *["4"] * (N - 5)]
    encoding = learn(columns(spend=written), Y)
    assert encoding.features == ("spend",)
    assert np.array_equal(
        applied(encoding, columns(spend=written))[:5, 0],
        [7.5, 1000, -2, np.nan, np.nan],
        equal_nan=True,
    )


def test_only_frequent_words_are_features() -> None:
    plan = ["gold"] * 80 + ["free"] * 90 + ["rare"] * 5 + [None] * 25
    encoding = learn(columns(plan=plan), Y)
    assert encoding.features == ("plan=free", "plan=gold")
    features = applied(encoding, columns(plan=["gold", "rare", "never seen", None]))
    assert np.array_equal(features, [[0, 1], [0, 0], [0, 0], [np.nan, np.nan]], equal_nan=True)


def test_two_words_give_one_feature() -> None:
    assert learn(columns(partner=["Yes", "No"] * (N // 2)), Y).features == ("partner=Yes",)


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ([None] * N, "no value"),
        (["EUR"] * N, "the same"),
        ([f"note {at}" for at in range(N)], f"{N} different words"),
        ([str(label) for label in Y], "tells the label"),
        ([str(1 - label) for label in Y], "tells the label"),
        (["left" if label else "here" for label in Y], "tells the label"),
        (["price" if label else None for label in Y], "tells the label"),
        (
            [f"{label + noise / 10:.4f}" for label, noise in zip(Y, RNG.random(N), strict=True)],
            "tells the label",
        ),
    ],
    ids=[
        "blank",
        "constant",
        "texts",
        "label",
        "opposite",
        "word for it",
        "reason of leaving",
        "its order",
    ],
)
def test_empty_constant_or_leaking_column_is_refused(column: list[str | None], why: str) -> None:
    encoding = learn(columns(**SOUND, suspect=column), Y)
    assert encoding.features == ("noise",) and why in encoding.refused["suspect"]


def test_error_names_refused_columns_if_none_is_left() -> None:
    with pytest.raises(TableError, match=r"No column is left.*currency is the same"):
        learn(columns(currency=["EUR"] * N), Y)


def test_second_file_needs_the_columns_of_the_first() -> None:
    encoding = learn(columns(**SOUND, visits=["1", "2"] * (N // 2)), Y)
    with pytest.raises(TableError, match=r"second\.csv lacks the columns visits"):
        applied(encoding, columns(**SOUND))
    more = applied(encoding, columns(**SOUND, visits=["1"] * N, extra=["?"] * N))
    assert more.shape == (N, 2)


def test_top_bucket_makes_a_column_categorical() -> None:
    dependents = ["0", "1", "2", "3+"] * (N // 4)
    assert learn(columns(dependents=dependents), Y).words == {"dependents": ("0", "1", "2", "3+")}


def test_unread_cells_and_null_words_are_counted() -> None:
    spend = [*NOISE[:190], "5d", "12 GB", "NA", "?", None, *["7"] * 5]
    encoding = learn(columns(spend=spend, visits=["1", "2"] * (N // 2)), Y)
    table = second(columns(spend=spend, visits=["1", "null"] * (N // 2)))
    assert encoding.unread(table) == {"spend": ["5d", "12 GB"]}
    assert encoding.null_words(table) == {"spend": 2, "visits": N // 2}


def test_second_file_is_read_in_the_format_of_the_first() -> None:
    spend = ["1.234,5", "7,25"] * (N // 2)
    encoding = learn(columns(spend=spend), Y)
    assert applied(encoding, columns(spend=["1.234", "1234", None]))[:, 0].tolist()[:2] == [
        1234,
        1234,
    ]
    with pytest.raises(TableError, match=r"spend is never a number.*decimal comma.*7\.25"):
        applied(encoding, columns(spend=["7.25", "3.5"]))


def test_number_that_may_be_thousands_is_refused() -> None:
    encoding = learn(columns(**SOUND, spend=["1.234", "5"] * (N // 2)), Y, decimal=None)
    assert "may be read in two ways: 1.234" in encoding.refused["spend"]


def test_dates_are_days() -> None:
    dates = ["31/1/2024", "1/2/2024", *["5/2/2024", None] * (N // 2 - 1)]
    encoding = learn(columns(**SOUND, joined=dates), Y)
    assert encoding.features == ("noise", "joined (days)")
    days = applied(encoding, columns(**SOUND, joined=dates))[:4, 1]
    assert np.array_equal(days - days[0], [0, 1, 5, np.nan], equal_nan=True)


def test_dates_are_days_before_the_day_of_a_row() -> None:
    as_of = np.full(N, np.datetime64("2024-03-01"))
    cells = columns(joined=["2024-02-28", "2024-03-02"] * (N // 2))
    encoding = learn(cells, Y, as_of=as_of)
    dated = replace(second(cells), as_of=as_of, days=FORMATS[0])
    assert encoding.features == ("joined (days before)",)
    assert encoding.apply(dated)[:2, 0].tolist() == [2, -1]
    assert "after the row's own day in 100 rows" in encoding.suspects["joined"]
    with pytest.raises(TableError, match="--time"):
        applied(encoding, cells)


def test_date_that_may_be_read_in_two_ways_is_refused() -> None:
    dates = [f"{1 + at % 9}/{1 + at % 7}/2024" for at in range(N)]
    reason = learn(columns(**SOUND, joined=dates), Y).refused["joined"]
    assert reason.startswith("may be dd/mm/yyyy or mm/dd/yyyy")


def test_near_leak_is_kept_and_pointed_at() -> None:
    score = [str(round(100 * (0.35 * y + 0.4 * v))) for y, v in zip(Y, RNG.random(N), strict=True)]
    encoding = learn(columns(**SOUND, score=score), Y)
    assert encoding.features == ("noise", "score")
    assert encoding.suspects.keys() == {"score"}


def test_words_without_training_rows_are_counted() -> None:
    encoding = learn(columns(dependents=["0", "1", "2", "3+"] * (N // 4)), Y)
    table = second(columns(dependents=["0", "4", "4", None]))
    assert encoding.new_words(table) == {"dependents": 2}


def test_refused_column_of_mixed_numbers_shows_a_value() -> None:
    tenure = [str(at) for at in range(70)] * 2 + ["72+"] * 60
    reason = learn(columns(**SOUND, tenure=tenure), Y).refused["tenure"]
    assert reason == "has 60 values that are not written as its numbers, such as 72+"
