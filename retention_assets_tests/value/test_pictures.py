"""Areas of the treemap are in proportion and fill it; every move has its cell in the matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention_assets.resources.metadata import png
from retention_assets.value.pictures import migration_matrix, squarified, treemap


@given(sizes=st.lists(st.integers(1, 10_000), min_size=1, max_size=15))
def test_areas_are_in_proportion_and_fill_the_map(sizes: list[int]) -> None:
    sizes = sorted(sizes, reverse=True)
    areas = squarified(sizes, 16.0, 9.0)
    expected = np.array(sizes) / sum(sizes) * 144.0
    assert [width * height for *_, width, height in areas] == pytest.approx(expected.tolist())
    for left, bottom, width, height in areas:
        assert left >= 0 and bottom >= 0
        assert left + width <= 16.0 + 1e-6 and bottom + height <= 9.0 + 1e-6
    assert not any(
        _overlap(areas[first], areas[second])
        for first in range(len(areas))
        for second in range(first)
    )


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> bool:
    return all(
        first[axis] + first[axis + 2] > second[axis] + 1e-6
        and second[axis] + second[axis + 2] > first[axis] + 1e-6
        for axis in (0, 1)
    )


def test_pictures_name_segments_and_rates() -> None:
    sizes = {"champions": 89, "one_time_buyers": 9, "lapsed": 2, "left": 0}
    figure = treemap(sizes, {"champions": 0.25, "one_time_buyers": None})
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert texts == ["champions\n89.0%\nchurn 25%", "one time buyers\n9.0%"]
    assert axes.get_xlabel() == "without a label: lapsed 2.0%"
    matrix = migration_matrix(np.array([[5, 0], [2, 1000]]), ["champions", "lapsed"], 7)
    assert [text.get_text() for text in matrix.axes[0].texts] == ["5", "2", "1,000"]
    assert png(figure).value.startswith("![](data:image/png;base64,")


def test_map_of_nobody_is_empty() -> None:
    assert treemap({}, {}).axes[0].texts[:] == []
