"""A home's Dagster instance: the clone's settings, the home's storage, shared state."""

from pathlib import Path

import pytest
import yaml

from retention_assets.errors import SetupError
from retention_assets.services.instance import (
    SQLITE,
    instance_config,
    open_instance,
    read_state,
    write_state,
)
from retention_assets.settings import Settings

POSTGRES = {"storage": {"postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}}}


def config_of(tmp_path: Path, text: str) -> dict:
    (tmp_path / "clone.yaml").write_text(text)
    return instance_config(Settings(home=tmp_path), tmp_path / "clone.yaml")


def test_state_outlives_the_instance(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with open_instance(settings) as instance:
        assert read_state(instance, "arrivals") is None
        write_state(instance, "arrivals", {"files": {"2024-01-01": "ab"}})
    with open_instance(settings) as instance:
        assert read_state(instance, "arrivals") == {"files": {"2024-01-01": "ab"}}


def test_home_has_its_storage_and_one_run_slot(tmp_path: Path) -> None:
    with open_instance(Settings(home=tmp_path)) as instance:
        assert Path(instance.root_directory) == tmp_path / "dagster"
        concurrency = instance.get_concurrency_config()
    assert (
        concurrency.run_queue_config is not None
        and concurrency.run_queue_config.max_concurrent_runs == 1
    )
    assert {file.relative_to(tmp_path).parts[0] for file in tmp_path.rglob("*.db")} == {"dagster"}


def test_configured_storage_replaces_the_homes(tmp_path: Path) -> None:
    config = config_of(tmp_path, yaml.safe_dump(POSTGRES))
    assert config["storage"] == POSTGRES["storage"] and not SQLITE.keys() & config.keys()


def test_existing_home_follows_the_clones_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    open_instance(settings).dispose()
    file = settings.dagster_home / "dagster.yaml"
    original = file.read_text()
    file.write_text(original.replace("max_concurrent_runs: 1", "max_concurrent_runs: 7"))
    open_instance(settings).dispose()
    assert file.read_text() == original


@pytest.mark.parametrize("text", ["- a list", "", "a: [unclosed"])
def test_broken_dagster_yaml_is_reported_with_a_fix(tmp_path: Path, text: str) -> None:
    with pytest.raises(SetupError, match="Fix: Restore it"):
        config_of(tmp_path, text)


def test_missing_dagster_yaml_is_reported_with_a_fix(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Fix: Restore it"):
        instance_config(Settings(home=tmp_path), tmp_path / "none.yaml")
