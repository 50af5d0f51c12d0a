"""`retention status` shows what is recorded and what answers now."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.automation.contract import claim
from retention_assets.cli.status import read_state, show_state
from retention_assets.keys import WATERMARK
from retention_assets.platform import Platform
from retention_assets.services.instance import open_instance
from retention_assets.settings import Settings
from retention_assets_tests.services.answering import answering
from retention_assets_tests.services.homes import free_ports

MODEL = {"model_version": "7", "model_digest": "ab" * 32}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        home=tmp_path / "home",
        redis_url=None,
        ray_address=None,
        api_keys="a-key,another",
        **free_ports(),
    )


def record(settings: Settings, *materializations: dict[str, Any]) -> None:
    with open_instance(settings) as instance:
        for metadata in materializations:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(WATERMARK.split("/"), metadata=metadata)
            )


def test_watermark_is_the_latest_recorded(settings: Settings) -> None:
    record(settings, {"rows": 3})
    assert read_state(settings)["watermark"] is None
    record(settings, {"watermark": "2024-03-04"}, {"watermark": "2024-03-03"})
    assert read_state(settings)["watermark"] == "2024-03-03"


@pytest.mark.parametrize(
    ("model", "ready", "expected"),
    [
        (200, 200, {"version": "7", "healthy": True}),
        (200, 503, {"version": "7", "healthy": False}),
        (503, 503, None),
        (401, 401, None),
        (404, 404, None),
    ],
)
def test_deployment_is_the_model_that_answers(
    settings: Settings, model: int, ready: int, expected: dict[str, Any] | None
) -> None:
    with answering(lambda path: (model, MODEL) if path == "/model" else (ready, {})) as server:
        state = read_state(settings.model_copy(update={"serve_port": server.port}))
    assert state["deployment"] == (
        expected and expected | {"url": f"http://127.0.0.1:{server.port}"}
    )
    assert {key for _, key, _ in server.requests} == {"Bearer a-key"}
    assert not any(service["up"] for service in state["services"].values())


@pytest.mark.parametrize(
    ("deployment", "shown"),
    [
        (None, "none"),
        ({"version": "7", "healthy": True, "url": "http://x"}, "ready version 7 at http://x"),
        ({"version": "7", "healthy": False, "url": "http://x"}, "not ready version 7 at http://x"),
    ],
)
def test_screen_shows_the_same_as_json(
    settings: Settings,
    deployment: dict[str, Any] | None,
    shown: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    champion = {"version": "7", "digest": "ab" * 32, "candidate": "xgboost"}
    state = read_state(settings) | {
        "champion": {"churn": champion, "fraud": None},
        "deployment": deployment,
    }
    show_state(state)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"deployment {shown}" in lines
    assert "champion churn version 7, xgboost, abababababab" in lines
    assert "champion fraud: none yet" in lines
    assert "watermark none yet" in lines
    assert f"redis down {state['services']['redis']['address']}" in lines


def test_changed_contract_is_shown(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    claim(Platform.of(settings))
    assert read_state(settings)["contract_changes"] == []
    state = read_state(settings.model_copy(update={"gap_days": 21}))
    assert state["contract_changes"] == ["training/churn_examples: gap_days 14 -> 21"]
    show_state(state)
    assert "`retention run` carries it through:\n  training/churn_examples: gap_days 14 -> 21" in (
        capsys.readouterr().out
    )


def test_reading_state_writes_nothing(settings: Settings) -> None:
    read_state(settings.model_copy(update={"api_keys": None}))
    assert not settings.home.exists()
