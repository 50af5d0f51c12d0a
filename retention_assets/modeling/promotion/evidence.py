"""What promotion gates look at, and what a gate answers. The gates themselves are in gates.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from retention_assets.modeling.evaluation.leaderboard import BootstrapScores
from retention_assets.modeling.examples import Floats

CHAMPION = "champion"
ALPHA = 0.05  # of a gate's intervals, in all


@dataclass(frozen=True)
class Latency:
    """Medians of scoring one row in the same moments, in milliseconds. `reference_ms`: by a linear
    model of the same features.
    """

    challenger_ms: float
    reference_ms: float

    @property
    def ratio(self) -> float:
        return self.challenger_ms / self.reference_ms


@dataclass(frozen=True, kw_only=True)
class PromotionEvidence:
    """Everything that the gates look at. `rankings`: those of the `baselines` that rank.

    `scores` holds challenger, baselines and, under "champion", the champion if there is one. By
    slice, a point and its samples: `slice_differences` of the Brier score against the champion or a
    constant, and `slice_mean_errors` of the challenger's probabilities. `tries`: how often
    these rows have judged a challenger, this time included.
    """

    challenger: str
    tries: int
    scores: BootstrapScores
    baselines: tuple[str, ...]
    rankings: tuple[str, ...]
    has_champion: bool
    slice_differences: Mapping[str, tuple[float, Floats]]
    slice_mean_errors: Mapping[str, tuple[float, Floats]]
    calibration_tolerance: float
    latency: Latency
    max_latency_ratio: float
    digest: str
    has_signature: bool
    entities: str = "entities"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Whether a demand is met, and why. `value` with its interval is compared with `limit`.

    `details`: further figures, name -> number.
    """

    passed: bool
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None
    details: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class GateResult(Answer):
    """A named gate's answer."""

    name: str

    @property
    def columns(self) -> dict[str, float | None]:
        """The figures that every gate shows, for columns of a table."""
        return {"value": self.value, "low": self.low, "high": self.high, "limit": self.limit}

    @property
    def figures(self) -> dict[str, float]:
        """All figures that the gate was decided on."""
        known = {name: value for name, value in self.columns.items() if value is not None}
        return known | dict(self.details)


@dataclass(frozen=True)
class Gate:
    """A demand: its name, the function that examines the evidence, and its meaning for people."""

    name: str
    function: Callable[[PromotionEvidence], Answer]
    meaning: str


def apply_gates(gates: Sequence[Gate], evidence: PromotionEvidence) -> list[GateResult]:
    """Every gate's result, in order."""
    return [GateResult(name=gate.name, **vars(gate.function(evidence))) for gate in gates]
