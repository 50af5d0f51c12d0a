"""Secrets are made once, and only their owner reads them."""

from multiprocessing import get_context
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services.api_keys import api_key_file, api_keys, ray_token_file, secret_file
from retention_assets.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, api_keys=None)


def test_the_key_is_made_at_first_use_and_stays(settings: Settings) -> None:
    first = api_keys(settings)
    assert first == api_keys(settings)
    assert len(first) == 1 and len(first[0]) >= 40


def test_only_the_owner_reads_secrets(settings: Settings) -> None:
    api_keys(settings)
    assert api_key_file(settings).stat().st_mode & 0o777 == 0o600
    assert ray_token_file(settings).stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_could_read_is_closed_again(settings: Settings) -> None:
    api_keys(settings)
    api_key_file(settings).chmod(0o644)
    api_keys(settings)
    assert api_key_file(settings).stat().st_mode & 0o777 == 0o600


def test_nothing_is_made_where_that_was_not_asked(settings: Settings) -> None:
    assert api_keys(settings, create=False) == []
    assert not api_key_file(settings).exists()


def test_given_keys_come_before_the_homes_own(tmp_path: Path) -> None:
    assert api_keys(Settings(home=tmp_path, api_keys="one, two ,")) == ["one", "two"]
    assert not (tmp_path / "api_key").exists()


def test_an_empty_list_of_keys_is_an_error_and_not_an_open_door(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="names no key"):
        api_keys(Settings(home=tmp_path, api_keys=" , "))


@pytest.mark.parametrize("keys", ["schlüssel", "good,sch lüssel", "tab\tbed"])
def test_a_key_that_no_header_can_bear_is_refused(tmp_path: Path, keys: str) -> None:
    with pytest.raises(SetupError, match="cannot bear"):
        api_keys(Settings(home=tmp_path, api_keys=keys))


def test_processes_that_start_at_once_get_one_secret(tmp_path: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(secret_file, [tmp_path / "secret"] * 8))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
