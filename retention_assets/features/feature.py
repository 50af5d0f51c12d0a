"""What a declared feature is. The rows are in declared/, joined by declarations.py."""

from dataclasses import dataclass
from typing import Literal

from retention_assets.features.expressions import Expression

Group = Literal["demographics", "transactions", "behavior"]


@dataclass(frozen=True)
class Feature:
    """One feature. `left_out_because`: why models do not read it; None: they do. `monitored`: False
    if it grows with time, so that a shift of it is not drift.
    """

    name: str
    group: Group
    expression: Expression
    meaning: str
    left_out_because: str | None = None
    monitored: bool = True

    @property
    def is_model_input(self) -> bool:
        """Whether models read it."""
        return self.left_out_because is None
