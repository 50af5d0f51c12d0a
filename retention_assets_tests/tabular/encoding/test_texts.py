"""Texts as terms; names and codes are refused by name."""

import numpy as np

from retention_assets.tabular.encoding.learning import learn
from retention_assets.tabular.encoding.texts import MAX_TERMS, learn_texts

N = 400
RNG = np.random.default_rng(4)
Y = (RNG.random(N) < 0.3).astype(np.int8)
FILLER = ("the", "line", "was", "slow", "today", "and", "nobody", "called")


def note(label: int, number: int) -> str:
    words = list(RNG.choice(FILLER, 4, replace=False))
    telling = RNG.random() < (0.8 if label else 0.2)
    return " ".join([*words, "Refund" if telling else "thanks", f"#{number}"])


NOTES = np.array([note(label, number) for number, label in enumerate(Y)], dtype=object)


def test_text_has_its_length_and_its_terms() -> None:
    encoding = learn({"note": NOTES}, Y)
    assert encoding.features[0] == "note (words)"
    assert {"note has refund", "note has thanks"} <= set(encoding.features)
    texts = learn_texts(NOTES, Y)
    assert texts and len(texts.terms) <= MAX_TERMS


def test_terms_are_those_of_the_training_rows() -> None:
    texts = learn_texts(NOTES, Y)
    assert texts
    assert learn_texts(NOTES[:200], Y[:200]) == learn_texts(np.r_[NOTES[:200]], np.r_[Y[:200]])
    assert "unknown" not in texts.terms


def test_names_identify_a_row() -> None:
    names = np.array([f"John Smith{at}" for at in range(N)], dtype=object)
    reason = learn({"name": names, "note": NOTES}, Y).refused["name"]
    assert reason.startswith("has 400 different words") and "identifies a row" in reason


def test_term_of_positives_only_is_pointed_at() -> None:
    notes = [f"{text} canceled" if y else text for text, y in zip(NOTES, Y, strict=True)]
    encoding = learn({"note": np.array(notes, dtype=object)}, Y)
    assert "has canceled for rows with the label only" in encoding.suspects["note"]
