"""The embedded source: the same seed gives the same bytes, and the world is the one that the README promises."""

import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from retention_assets.settings import Settings
from retention_assets.simulation import simulator
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import source_files

CUSTOMERS, DAYS, SEED = 3000, 240, 5


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    simulate(folder, CUSTOMERS, DAYS, SEED)
    return folder


def rows(folder: Path, table: str):
    return pq.read_table(folder / table).to_pandas()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("two", 1), ("three", 2)):
        simulate(tmp_path / name, 100, 40, seed)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two != three


def test_a_longer_simulation_repeats_the_days_of_a_shorter_one(tmp_path: Path) -> None:
    simulate(tmp_path / "short", 100, 40, 1)
    simulate(tmp_path / "long", 100, 60, 1)
    simulate(tmp_path / "rest", 100, 60, 1, first_day=40)
    short, long, rest = (contents(tmp_path / name) for name in ("short", "long", "rest"))
    assert short.items() <= long.items() and short | rest == long


def test_every_table_has_the_columns_of_its_contract(world: Path) -> None:
    for name, table in TABLES.items():
        assert (
            tuple(pq.read_schema(next((world / name).glob("*.parquet"))).names)
            == table.column_names
        )


def test_two_in_a_hundred_events_arrive_one_to_five_days_late(world: Path) -> None:
    events = rows(world, "engagement_events")
    late = (events["ingested_ts"].dt.normalize() - events["event_ts"].dt.normalize()).dt.days
    assert (late > 0).mean() == pytest.approx(0.02, abs=0.004)
    assert set(late[late > 0]) == {1, 2, 3, 4, 5} and late.min() == 0


def test_about_eighteen_in_a_hundred_leave_within_ninety_days(world: Path) -> None:
    customers = rows(world, "customers").groupby("customer_id")["event_ts"].min()
    left = rows(world, "churn_events").groupby("customer_id")["event_ts"].min()
    shares = []
    for day in (60, 90, 120):
        moment = np.datetime64(FIRST_DATE + timedelta(days=day)).astype("datetime64[ns]")
        there = customers.index[customers.dt.tz_localize(None) < moment]
        gone = left.reindex(there).dt.tz_localize(None)
        present = gone.isna() | (gone >= moment)
        shares.append((gone[present] < moment + np.timedelta64(90, "D")).mean())
    assert np.mean(shares) == pytest.approx(0.18, abs=0.03)


def test_contacts_help_some_and_drive_others_away_and_chance_decides_for_a_part(
    world: Path,
) -> None:
    effects = rows(world / "truth", "contact_effects")["effect"]
    assert (effects < 0).mean() > 0.1 and (effects > 0).mean() > 0.1
    contacts = rows(world, "campaign_contacts")
    by_chance = contacts[contacts["randomized"]]
    assert 0.1 < len(by_chance) / len(contacts) < 0.9
    assert by_chance["treated"].mean() == pytest.approx(0.5, abs=0.1)
    assert contacts[~contacts["randomized"]]["treated"].all()


def test_fraud_is_reported_late_or_never(world: Path) -> None:
    truth, reports = rows(world / "truth", "fraud"), rows(world, "fraud_reports")
    known = reports[reports["is_fraud"]].merge(
        rows(world, "transactions"), on="transaction_id", suffixes=("", "_paid")
    )
    delay = (known["event_ts"] - known["event_ts_paid"]).dt.total_seconds() / 86_400
    assert delay.median() == pytest.approx(7, abs=3)
    assert 0.3 < known["transaction_id"].nunique() / len(truth) < 0.98
    pattern = next(name for name in truth.columns if name not in ("transaction_id", "event_ts"))
    assert truth[pattern].nunique() == 3


def test_a_dirty_share_breaks_as_many_rows(tmp_path: Path) -> None:
    simulate(tmp_path / "clean", 300, 60, 3)
    summary = simulate(tmp_path / "dirty", 300, 60, 3, dirty=0.05)
    events = rows(tmp_path / "dirty", "engagement_events")
    wrong = (
        events["customer_id"].isna()
        | (events["event_type"] == "teleport")
        | (events["event_ts"] > events["ingested_ts"])
    )
    broken = wrong | events.duplicated("event_id")
    assert broken.mean() == pytest.approx(0.05, abs=0.015)
    assert (
        summary.rows["engagement_events"]
        == len(events)
        > len(rows(tmp_path / "clean", "engagement_events"))
    )


def test_a_concept_shift_changes_what_comes_after_it_and_nothing_before(tmp_path: Path) -> None:
    shift = FIRST_DATE + timedelta(days=60)
    simulate(tmp_path / "usual", 600, 120, 3)
    simulate(tmp_path / "shifted", 600, 120, 3, shift_on=shift)

    def logins(name: str) -> Counter:
        events = rows(tmp_path / name, "engagement_events")
        return Counter(events[events["event_type"] == "login"]["event_ts"].dt.date < shift)

    usual, shifted = logins("usual"), logins("shifted")
    assert usual[True] == shifted[True]
    assert shifted[False] / usual[False] == pytest.approx(0.5, abs=0.12)


def test_no_asset_can_read_the_truth(world: Path, tmp_path: Path) -> None:
    """The profile's listing, which is all that any asset reads from, never reaches below truth/."""
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


def test_days_are_named_by_arrival(world: Path) -> None:
    day = FIRST_DATE + timedelta(days=100)
    arrived = (
        pq.read_table(world / "engagement_events" / f"{day}.parquet")
        .column("ingested_ts")
        .to_pandas()
    )
    assert set(arrived.dt.date) == {day} and isinstance(day, date)
