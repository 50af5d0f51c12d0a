"""The nouns that messages and plots use for a Task's rows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What a row is about, and what its two labels are called. All but `entity` are plurals."""

    entity: str = "entity"
    entities: str = "entities"
    positives: str = "positives"
    negatives: str = "negatives"
    acted_on: str = "acted on"
