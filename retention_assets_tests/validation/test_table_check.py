"""How far a sample's share of invalid rows may be from that of all files."""

import pytest

from retention_assets.validation.table_check import share_margin


@pytest.mark.parametrize(
    ("counts", "of_files", "expected"),
    [
        ([(10, 100), (10, 100)], 100, 0.0),
        ([(30, 100), (10, 100)], 2, 0.0),
        ([(30, 100)], 100, 0.0),
        ([], 100, 0.0),
        ([(30, 100), (10, 100)], 100, 0.198),
        # Files weigh by their rows: the small one hardly matters.
        ([(10, 1000), (1, 1)], 1_000_000, 0.004),
    ],
)
def test_margin_follows_differences_of_files(
    counts: list[tuple[int, int]], of_files: int, expected: float
) -> None:
    assert share_margin(counts, of_files) == pytest.approx(expected, abs=5e-4)
