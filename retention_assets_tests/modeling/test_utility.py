"""What acting on a row earns, and what that takes for granted."""

import numpy as np
import pytest

from retention_assets.modeling.utility import ContactUtility

UTILITY = ContactUtility(contact_cost=8, saved_margin=120, save_rate=0.25, capacity_share=0.2)


def test_contact_pays_from_its_breakeven_probability() -> None:
    contacts = np.array([1000.0])
    assert UTILITY.breakeven == pytest.approx(8 / 30)
    assert UTILITY.value(contacts * UTILITY.breakeven, contacts) == pytest.approx(0.0)
    assert ContactUtility(8, 120, 0.0, 0.2).breakeven == float("inf")


def test_assumption_names_every_figure() -> None:
    assert UTILITY.assumption == (
        "a contact costs 8 and keeps 25% of those who would leave, worth 120 each"
    )
