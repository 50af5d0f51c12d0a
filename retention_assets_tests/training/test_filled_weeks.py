"""Which weeks have examples, also those that have none because nobody was eligible."""

from datetime import date

from retention_assets.training.filled_weeks import weeks_of_property, with_filled

FIRST = date(2024, 1, 1)
SECOND = date(2024, 1, 8)
THIRD = date(2024, 1, 15)


def test_weeks_are_added_and_read_back() -> None:
    text = with_filled(None, [FIRST], FIRST, FIRST)
    assert weeks_of_property(with_filled(text, [THIRD], THIRD, THIRD)) == {FIRST, THIRD}
    assert weeks_of_property(None) == set()


def test_open_week_of_a_backfill_is_not_filled() -> None:
    """Also where an earlier contract had it: its label is final later now."""
    text = with_filled(None, [FIRST, SECOND, THIRD], FIRST, THIRD)
    assert weeks_of_property(with_filled(text, [SECOND], SECOND, THIRD)) == {FIRST, SECOND}
