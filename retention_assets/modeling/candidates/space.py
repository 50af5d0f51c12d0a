"""What a search may try for a candidate's parameters, as data. Samples nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included. `log`: drawn evenly by their order of
    magnitude. `whole`: integers only.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    options: tuple[Any, ...]


Space: TypeAlias = Mapping[str, Range | Choice]
