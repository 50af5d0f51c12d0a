"""`retention status` tells what is recorded and what answers now, and never takes a stranger's word for it."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets.cli.status import WATERMARK, read_state
from retention_assets.cli.status import _show as show
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


def record(settings: Settings, *recorded: dict[str, Any]) -> None:
    with open_instance(settings) as instance:
        for metadata in recorded:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(WATERMARK.split("/"), metadata=metadata)
            )


def test_the_watermark_is_the_one_recorded_last(settings: Settings) -> None:
    record(settings, {"rows": 3})
    assert read_state(settings)["watermark"] is None
    record(settings, {"watermark": "2024-03-04"}, {"watermark": "2024-03-03"})
    assert read_state(settings)["watermark"] == "2024-03-03"


@pytest.mark.parametrize(
    ("model", "ready", "told"),
    [
        (200, 200, {"version": "7", "healthy": True}),
        (200, 503, {"version": "7", "healthy": False}),
        (503, 503, None),
        (401, 401, None),
        (404, 404, None),
    ],
)
def test_the_deployment_is_what_answers_and_healthy_when_it_is_ready(
    settings: Settings, model: int, ready: int, told: dict[str, Any] | None
) -> None:
    with answering(lambda path: (model, MODEL) if path == "/model" else (ready, {})) as server:
        state = read_state(settings.model_copy(update={"serve_port": server.port}))
    assert state["deployment"] == (told and told | {"url": f"http://127.0.0.1:{server.port}"})
    assert {key for _, key, _ in server.asked} == {"Bearer a-key"}
    assert not any(service["up"] for service in state["services"].values())


@pytest.mark.parametrize(
    ("deployment", "shown"),
    [
        (None, "none"),
        ({"version": "7", "healthy": True, "url": "http://x"}, "ready version 7 at http://x"),
        ({"version": "7", "healthy": False, "url": "http://x"}, "not ready version 7 at http://x"),
    ],
)
def test_a_person_reads_what_a_machine_does(
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
    show(state)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert f"deployment {shown}" in lines
    assert (
        "champion churn version 7, xgboost, abababababab" in lines
        and "champion fraud: none yet" in lines
    )
    assert "watermark none yet: `retention run`" in lines
    assert f"redis down {state['services']['redis']['address']}" in lines


def test_looking_makes_nothing(settings: Settings) -> None:
    read_state(settings.model_copy(update={"api_keys": None}))
    assert not settings.home.exists()
