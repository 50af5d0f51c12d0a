"""What acting on a scored row earns or costs: the interface, and the usual retention contact."""

from dataclasses import dataclass
from typing import Protocol

from retention_assets.modeling.examples import Floats


class Utility(Protocol):
    """A Task's economics: which rows are worth an action, and what the actions earn."""

    @property
    def assumption(self) -> str:
        """What every figure of money takes for granted, as a clause after "assumes that"."""
        ...

    @property
    def capacity_share(self) -> float:
        """Share of all rows that can be acted on."""
        ...

    @property
    def breakeven(self) -> float:
        """Probability at which an action pays for itself; infinite where it never does."""
        ...

    def value(self, positives: Floats, acted: Floats) -> Floats:
        """Money of acting on `acted` rows of which `positives` are positive."""
        ...


@dataclass(frozen=True)
class ContactUtility:
    """A retention contact: its cost, and the margin it saves if the customer would churn."""

    contact_cost: float
    saved_margin: float
    save_rate: float
    capacity_share: float

    @property
    def assumption(self) -> str:
        """What nobody has measured."""
        return (
            f"a contact costs {self.contact_cost:g} and keeps {self.save_rate:.0%} of those who "
            f"would leave, worth {self.saved_margin:g} each"
        )

    @property
    def breakeven(self) -> float:
        """Churn probability at which a contact pays for itself."""
        gain = self.save_rate * self.saved_margin
        return self.contact_cost / gain if gain > 0 else float("inf")

    def value(self, positives: Floats, acted: Floats) -> Floats:
        """Margin saved less the cost of contacts, in the source's currency."""
        return self.save_rate * self.saved_margin * positives - self.contact_cost * acted
