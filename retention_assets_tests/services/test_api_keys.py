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


def test_api_key_is_made_once(settings: Settings) -> None:
    first = api_keys(settings)
    assert first == api_keys(settings)
    assert len(first) == 1 and len(first[0]) >= 40


def test_only_owner_reads_secrets(settings: Settings) -> None:
    api_keys(settings)
    assert api_key_file(settings).stat().st_mode & 0o777 == 0o600
    assert ray_token_file(settings).stat().st_mode & 0o777 == 0o600


def test_readable_secret_file_is_closed(settings: Settings) -> None:
    api_keys(settings)
    api_key_file(settings).chmod(0o644)
    api_keys(settings)
    assert api_key_file(settings).stat().st_mode & 0o777 == 0o600


def test_no_key_is_made_without_create(settings: Settings) -> None:
    assert api_keys(settings, create=False) == []
    assert not api_key_file(settings).exists()


def test_configured_keys_replace_the_homes(tmp_path: Path) -> None:
    assert api_keys(Settings(home=tmp_path, api_keys="one, two ,")) == ["one", "two"]
    assert not (tmp_path / "api_key").exists()


def test_empty_list_of_keys_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="names no key"):
        api_keys(Settings(home=tmp_path, api_keys=" , "))


@pytest.mark.parametrize("keys", ["schlüssel", "good,sch lüssel", "tab\tbed"])
def test_key_unfit_for_a_header_is_refused(tmp_path: Path, keys: str) -> None:
    with pytest.raises(SetupError, match="not valid in an HTTP header"):
        api_keys(Settings(home=tmp_path, api_keys=keys))


def test_concurrent_processes_get_one_secret(tmp_path: Path) -> None:
    with get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(secret_file, [tmp_path / "secret"] * 8))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
