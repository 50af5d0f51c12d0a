"""The embedded source: a seed always gives the same bytes, and its rates are as documented."""

import re
from collections import Counter
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from retention_assets.settings import Settings
from retention_assets.simulation import simulator
from retention_assets.simulation.arrow_tables import SCHEMAS
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import source_files

CUSTOMERS = 3000
DAYS = 240
SEED = 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, customers=CUSTOMERS, days=DAYS, seed=SEED)
    return folder


def rows(folder: Path, table: str):
    return pq.read_table(folder / table).to_pandas()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_same_seed_gives_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("first", 1), ("repeat", 1), ("other", 2)):
        simulate(tmp_path / name, customers=100, days=40, seed=seed)
    first, repeat, other = (contents(tmp_path / name) for name in ("first", "repeat", "other"))
    assert first == repeat != other


def test_longer_simulation_repeats_days_of_shorter_one(tmp_path: Path) -> None:
    simulate(tmp_path / "short", customers=100, days=40, seed=1)
    simulate(tmp_path / "long", customers=100, days=60, seed=1)
    simulate(tmp_path / "rest", customers=100, days=60, seed=1, first_day=40)
    short, long, rest = (contents(tmp_path / name) for name in ("short", "long", "rest"))
    assert short.items() <= long.items() and short | rest == long


def test_tables_have_the_columns_of_their_contracts(world: Path) -> None:
    assert TABLES.keys() - SCHEMAS.keys() == {"churn_labels"}
    for name in SCHEMAS:
        file = next((world / name).glob("*.parquet"))
        assert tuple(pq.read_schema(file).names) == TABLES[name].column_names


def test_two_percent_of_events_arrive_up_to_five_days_late(world: Path) -> None:
    events = rows(world, "engagement_events")
    late = (events["ingested_ts"].dt.normalize() - events["event_ts"].dt.normalize()).dt.days
    assert (late > 0).mean() == pytest.approx(0.02, abs=0.004)
    assert set(late[late > 0]) == {1, 2, 3, 4, 5} and late.min() == 0


def test_about_18_percent_leave_within_90_days(world: Path) -> None:
    customers = rows(world, "customers").groupby("customer_id")["event_ts"].min()
    left = rows(world, "churn_events").groupby("customer_id")["event_ts"].min()
    shares = []
    for day in (60, 90, 120):
        moment = np.datetime64(FIRST_DATE + timedelta(days=day)).astype("datetime64[ns]")
        signed_up = customers.index[customers.dt.tz_localize(None) < moment]
        left_at = left.reindex(signed_up).dt.tz_localize(None)
        is_active = left_at.isna() | (left_at >= moment)
        shares.append((left_at[is_active] < moment + np.timedelta64(90, "D")).mean())
    assert np.mean(shares) == pytest.approx(0.18, abs=0.03)


def test_contacts_help_or_harm_and_are_partly_randomized(world: Path) -> None:
    effects = rows(world / "truth", "contact_effects")["effect"]
    assert (effects < 0).mean() > 0.1 and (effects > 0).mean() > 0.1
    contacts = rows(world, "campaign_contacts")
    randomized = contacts[contacts["randomized"]]
    assert 0.1 < len(randomized) / len(contacts) < 0.9
    assert randomized["treated"].mean() == pytest.approx(0.5, abs=0.1)


def test_decisions_on_contacts_log_their_propensity(world: Path) -> None:
    """Of those with one propensity, that share is contacted."""
    contacts = rows(world, "campaign_contacts")
    for propensity, of_campaign in contacts.groupby("propensity"):
        assert of_campaign["treated"].mean() == pytest.approx(propensity, abs=0.06)
    assert set(contacts["propensity"]) == {0.05, 0.5}
    assert not contacts[~contacts["treated"]]["cost"].any()


def test_fraud_is_reported_late_or_never(world: Path) -> None:
    truth = rows(world / "truth", "fraud")
    reports = rows(world, "fraud_reports")
    known = reports[reports["is_fraud"]].merge(
        rows(world, "transactions"), on="transaction_id", suffixes=("", "_paid")
    )
    delay = (known["event_ts"] - known["event_ts_paid"]).dt.total_seconds() / 86_400
    assert delay.median() == pytest.approx(7, abs=3)
    assert 0.3 < known["transaction_id"].nunique() / len(truth) < 0.98
    assert truth["pattern"].nunique() == 3


def test_dirty_share_is_the_share_of_corrupted_rows(tmp_path: Path) -> None:
    simulate(tmp_path / "clean", customers=300, days=60, seed=3)
    summary = simulate(tmp_path / "dirty", customers=300, days=60, seed=3, dirty=0.05)
    events = rows(tmp_path / "dirty", "engagement_events")
    is_invalid = (
        events["customer_id"].isna()
        | (events["event_type"] == "teleport")
        | (events["event_ts"] > events["ingested_ts"])
    )
    is_corrupted = is_invalid | events.duplicated("event_id")
    assert is_corrupted.mean() == pytest.approx(0.05, abs=0.015)
    clean_rows = len(rows(tmp_path / "clean", "engagement_events"))
    assert summary.rows["engagement_events"] == len(events) > clean_rows


def test_concept_shift_changes_only_later_days(tmp_path: Path) -> None:
    shift = FIRST_DATE + timedelta(days=60)
    simulate(tmp_path / "usual", customers=600, days=120, seed=3)
    simulate(tmp_path / "shifted", customers=600, days=120, seed=3, shift_on=shift)

    def logins(name: str) -> Counter:
        events = rows(tmp_path / name, "engagement_events")
        return Counter(events[events["event_type"] == "login"]["event_ts"].dt.date < shift)

    usual = logins("usual")
    shifted = logins("shifted")
    assert usual[True] == shifted[True]
    assert shifted[False] / usual[False] == pytest.approx(0.5, abs=0.12)


def test_no_asset_can_read_the_truth(world: Path, tmp_path: Path) -> None:
    """Assets read only files that the profile lists, and it lists none below `truth/`."""
    settings = Settings(source="simulated", home=tmp_path)
    settings.simulated_dir.parent.mkdir(parents=True)
    settings.simulated_dir.symlink_to(world)
    listed = source_files(load_profile(settings))
    assert len(listed) > DAYS and (world / "truth").is_dir()
    assert [file.path for file in listed if "truth" in file.path.parts] == []
    package = Path(simulator.__file__).parents[1]
    readers = {
        file.name
        for file in package.rglob("*.py")
        if re.search(r"""["'/]truth["'/]""", file.read_text())
    }
    assert readers == {"simulator.py"}


def test_files_are_named_by_day_of_arrival(world: Path) -> None:
    day = FIRST_DATE + timedelta(days=100)
    events = pq.read_table(world / "engagement_events" / f"{day}.parquet")
    arrival = events.column("ingested_ts").to_pandas()
    assert set(arrival.dt.date) == {day}
