"""Customers with two rows, and rows without a customer, are named."""

import pytest

from retention_assets.errors import DuplicateKeyError
from retention_assets.features.primary_key import require_primary_key, require_unique
from retention_assets.resources.lake import Lake

WRONG = ["b", "a", None, "c", "b"]


def test_unique_customers_pass(lake: Lake) -> None:
    require_unique(["a", "b"], "features/x")
    frame = lake.spark.createDataFrame([("a",), ("b",)], "customer_id string")
    assert require_primary_key(frame, "features/x") is frame


def test_wrong_customers_are_named(lake: Lake) -> None:
    frame = lake.spark.createDataFrame([(name,) for name in WRONG], "customer_id string")
    with pytest.raises(DuplicateKeyError, match=r"features/x .* for null, b\. Fix: "):
        require_primary_key(frame, "features/x")
    with pytest.raises(DuplicateKeyError, match="features/x"):
        require_unique(WRONG, "features/x")
