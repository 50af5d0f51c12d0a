"""What `retention run --select` names."""

import dagster as dg
import pytest

from retention_assets.automation.selection import selected_assets
from retention_assets.errors import SelectionError

PAIR = [
    dg.AssetSpec(["validated", "orders"], group_name="validation"),
    dg.AssetSpec(["quarantine", "orders"]),
]
DEFINITIONS = dg.Definitions(
    assets=[
        dg.multi_asset(name="pair", specs=PAIR)(lambda: None),
        dg.asset(key=["raw", "orders"])(lambda: None),
    ]
)


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("raw/orders", ["raw/orders"]),
        ('key:"raw/*"', ["raw/orders"]),
        ("quarantine/orders", ["quarantine/orders", "validated/orders"]),
        ("group:validation", ["quarantine/orders", "validated/orders"]),
    ],
)
def test_assets_made_together_are_selected_together(selection: str, names: list[str]) -> None:
    selected = selected_assets(DEFINITIONS, selection)
    assert sorted(key.to_user_string() for key in selected) == names


@pytest.mark.parametrize("selection", ["raw/*", "raw,validated", "and", "key:nosuch", "group:none"])
def test_selection_of_nothing_is_one_line_with_its_fix(selection: str) -> None:
    with pytest.raises(SelectionError, match="Fix: Name assets as Dagster does") as caught:
        selected_assets(DEFINITIONS, selection)
    assert selection in caught.value.problem and caught.value.exit_code == 2
