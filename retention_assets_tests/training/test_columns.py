"""Every column of the examples has a meaning, and the UI can follow it to its sources."""

from pathlib import Path

import pytest

from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile
from retention_assets.training.columns import (
    BOOKKEEPING,
    example_descriptions,
    example_features,
    example_lineage,
)


@pytest.fixture
def simulated(tmp_path: Path) -> Profile:
    return load_profile(Settings(home=tmp_path, source="simulated"))


def test_every_column_is_described(simulated: Profile) -> None:
    names = [*BOOKKEEPING, *(feature.name for feature in example_features(simulated))]
    assert list(example_descriptions(simulated)) == names
    assert all(example_descriptions(simulated).values())


def test_label_and_contacts_lead_to_their_tables(simulated: Profile) -> None:
    lineage = example_lineage(simulated)
    assert lineage["label"] == [
        ("validated/customers", "event_ts"),
        ("validated/churn_events", "event_ts"),
        ("validated/transactions", "event_ts"),
    ]
    for name in ("treated", "weight"):
        assert ("validated/campaign_contacts", "treated") in lineage[name]
    assert ("validated/campaign_contacts", "propensity") in lineage["weight"]
    assert ("validated/churn_events", "event_ts") in lineage["weight"]
    assert ("features/daily_activity", "purchases") in lineage["purchase_frequency_30d"]


def test_lineage_follows_churn_kind_and_tables(simulated: Profile) -> None:
    """With inactivity the label is read from purchases; without contacts nothing was treated."""
    inactivity = simulated.churn.model_copy(update={"kind": "inactivity"})
    tables = {name: simulated.tables[name] for name in ("customers", "transactions")}
    profile = simulated.model_copy(update={"churn": inactivity, "tables": tables})
    lineage = example_lineage(profile)
    assert ("validated/transactions", "event_ts") in lineage["label"]
    assert not {"treated", "weight"} & set(lineage)
    label = simulated.churn.model_copy(update={"kind": "label"})
    lineage = example_lineage(profile.model_copy(update={"churn": label}))
    assert lineage["label"] == [("validated/churn_labels", "churned")]
