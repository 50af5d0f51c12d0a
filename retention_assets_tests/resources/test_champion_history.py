"""Which champion a rollback restores, and which models are not promoted again."""

import pytest

from retention_assets.resources.champion_history import (
    ChampionTerm,
    previous_term,
    rollback_of,
    tag_of,
    terms_of,
)


def history(*steps: str) -> list[ChampionTerm]:
    """`3`: version 3 was promoted; `3>2`: version 2 replaced version 3 by a rollback."""
    tags = []
    for number, step in enumerate(steps, start=1):
        rolled_back, _, version = step.rpartition(">")
        term = ChampionTerm(
            version=version,
            digest=f"digest {version}",
            began_at=f"2024-03-0{number}T00:00:00+00:00",
            began_watermark=f"2024-02-0{number}",
            reason=step,
            rolled_back=rolled_back or None,
        )
        tags.append(tag_of(number, term))
    return terms_of(dict(reversed(tags)) | {"another tag": "kept"})


@pytest.mark.parametrize(
    ("steps", "previous"),
    [
        ([], None),
        (["1"], None),
        (["1", "2"], "1"),
        (["1", "2", "2>1"], None),
        (["1", "2", "3", "3>2"], "1"),
        (["1", "2", "3", "3>2", "2>1"], None),
        (["1", "2", "2>1", "3"], "1"),
        (["1", "2", "3", "3>2", "4"], "2"),
        (["1", "2", "3", "3>2", "4", "4>2", "2>1", "5"], "1"),
    ],
)
def test_rollback_goes_further_back(steps: list[str], previous: str | None) -> None:
    term = previous_term(history(*steps))
    assert (term and term.version) == previous


def test_terms_end_where_the_next_begins() -> None:
    first, second, third = history("1", "2", "2>1")
    assert (first.ended_at, first.ended_watermark) == (second.began_at, "2024-02-02")
    assert second.ended_at == third.began_at == "2024-03-03T00:00:00+00:00"
    assert (third.version, third.rolled_back, third.ended_at) == ("1", "2", None)


def test_terms_keep_their_order_beyond_ten() -> None:
    versions = [str(number) for number in range(1, 13)]
    assert [term.version for term in history(*versions[:9])] == versions[:9]
    terms = [ChampionTerm(version=v, digest=v, began_at="", began_watermark=None, reason="r")
             for v in versions]  # fmt: skip
    tags = dict(tag_of(number, term) for number, term in enumerate(terms, start=1))
    assert [term.version for term in terms_of(tags)] == versions


def test_model_that_was_rolled_back_is_known_by_digest() -> None:
    terms = history("1", "2", "2>1", "3")
    rollback = rollback_of(terms, "digest 2")
    assert rollback is not None and rollback.reason == "2>1"
    assert rollback_of(terms, "digest 1") is None  # restored, not rolled back from
    assert rollback_of(terms, "digest 3") is None


def test_long_reason_fits_into_a_tag() -> None:
    (term,) = history("1")
    name, text = tag_of(1, ChampionTerm(**{**vars(term), "reason": "long " * 2000}))
    assert name == "champion.000001"
    assert len(text) < 5000
