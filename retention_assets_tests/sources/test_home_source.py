"""A home belongs to one source: it is remembered, and another one is refused."""

import json
from pathlib import Path

import pytest

from retention_assets import keys
from retention_assets.errors import SetupError
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.home_source import claim_home, home_source, with_home_source
from retention_assets_tests.sources.test_load_profile import GOOD, write


@pytest.fixture
def shop(tmp_path: Path) -> Platform:
    """A source of its own, which has claimed its home."""
    platform = Platform.of(write(tmp_path, GOOD))
    claim_home(platform.settings, platform.profile)
    return platform


def test_new_home_has_the_embedded_source(tmp_path: Path) -> None:
    assert home_source(tmp_path) is None
    assert with_home_source(Settings(home=tmp_path)).source == "simulated"


def test_home_remembers_its_source_and_folder(shop: Platform, tmp_path: Path) -> None:
    home = shop.settings.home
    assert Platform.of(Settings(home=home)).profile == shop.profile
    built_in = Settings(home=tmp_path / "other", source="simulated", data_dir=tmp_path)
    claim_home(built_in, Platform.of(built_in).profile)
    remembered = with_home_source(Settings(home=tmp_path / "other"))
    assert (remembered.source, remembered.data_dir) == ("simulated", tmp_path)


def test_another_source_is_refused_with_a_home_for_it(shop: Platform) -> None:
    home = shop.settings.home
    with pytest.raises(SetupError) as refused:
        Platform.of(Settings(home=home, source="simulated"))
    assert refused.value.problem == f"The home {home} holds the source shop, not simulated."
    assert f"RETENTION_HOME={home}-simulated" in refused.value.fix


@pytest.mark.parametrize("written", [None, 0])
def test_home_of_another_version_is_refused(shop: Platform, written: int | None) -> None:
    """An older one has tables and no note of its source, or a note of its format."""
    file = shop.settings.home / "source.json"
    note = json.loads(file.read_text())
    (shop.settings.home / "lake" / keys.DAILY_ACTIVITY).mkdir(parents=True)
    assert Platform.of(shop.settings).profile == shop.profile
    file.unlink()
    if written is not None:
        file.write_text(json.dumps(note | {"format": written}))
    with pytest.raises(SetupError, match="another version of the platform") as refused:
        Platform.of(shop.settings)
    assert "Move the home away and run `retention run`" in refused.value.fix


def test_moved_profile_of_the_same_name_is_accepted(shop: Platform, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("shop.yaml", "orders"):
        (tmp_path / name).rename(moved / name)
    settings = Settings(home=shop.settings.home, source=str(moved / "shop.yaml"))
    platform = Platform.of(settings)
    claim_home(platform.settings, platform.profile)
    assert Platform.of(Settings(home=shop.settings.home)).profile.root == moved


def test_home_remembers_whether_its_source_is_streamed(tmp_path: Path) -> None:
    streamed = Settings(home=tmp_path / "live", source="simulated_live")
    platform = Platform.of(streamed)
    assert platform.settings.stream
    claim_home(platform.settings, platform.profile)
    assert with_home_source(Settings(home=tmp_path / "live")).stream
    turned_off = Settings(home=tmp_path / "live", stream=False)
    assert Platform.of(turned_off).settings.stream is False
    assert Platform.of(Settings(home=tmp_path / "other", stream=True)).settings.stream is None
