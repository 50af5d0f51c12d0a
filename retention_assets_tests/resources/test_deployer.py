"""The deployer against a test server instead of the application and a test program for Ray."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from retention_assets.errors import ServingError
from retention_assets.resources.deployer import Deployer
from retention_assets.settings import Settings
from retention_assets_tests.services.answering import Answering, answering
from serve.http.security import key_digest
from serve.service import ModelChoice

NEW = {"model_digest": "new", "model_version": "2", "store": "online", "refused": None}
OLD = {"model_digest": "old", "model_version": "1", "store": "online", "refused": None}
REFUSED = OLD | {
    "refused": {
        "model_digest": "new",
        "model_version": "2",
        "reason": "The model's card is not JSON.",
    }
}
NOT_READY = {"status": 503, "detail": "No model is deployed."}
PROGRAM = """
import pathlib, sys
pathlib.Path("plan.json").write_text(sys.stdin.read())
sys.exit({ends!r})
"""


@contextmanager
def deploying(folder: Path, *answers: tuple[int, Any]) -> Iterator[tuple[Deployer, Answering]]:
    """A deployer whose application gives these answers, the last of them again and again."""
    left = list(answers)
    with answering(lambda path: left.pop(0) if len(left) > 1 else left[0]) as server:
        knobs = {
            "serve_port": server.port,
            "ray_address": f"127.0.0.1:{server.port}",
            "redis_url": "unix:///nowhere/s",
        }
        yield (
            Deployer.of(Settings(home=folder / "home", api_keys="first,second", **knobs)),
            server,
        )


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `python -m serve.deploy` runs in this folder: it keeps its plan."""
    file = tmp_path / "serve" / "deploy.py"
    file.parent.mkdir()
    file.write_text(PROGRAM.format(ends=0))
    monkeypatch.chdir(tmp_path)
    return file


def test_deploy_waits_for_the_new_model(program: Path, tmp_path: Path) -> None:
    proxy = (
        503,
        b"<html><body>503 Service Unavailable</body></html>",
    )  # while nothing is behind it
    halves = [OLD | {"model_version": "2"}, OLD | {"model_digest": "new"}]
    with deploying(
        tmp_path, proxy, (503, NOT_READY), *((200, answer) for answer in [OLD, *halves, NEW])
    ) as (deployer, server):
        assert deployer.deploy(Path("/models/m"), "new", "2") == NEW
    assert [path for path, _, _ in server.requests] == [f"{deployer.route}/ready"] * 6


def test_program_accepts_a_plan_without_keys(program: Path, tmp_path: Path) -> None:
    from serve.deploy import DeploymentPlan

    with deploying(tmp_path, (200, NEW)) as (deployer, server):
        deployer.deploy(Path("/models/m"), "new", "2")
    text = (tmp_path / "plan.json").read_text()
    plan = DeploymentPlan.model_validate_json(text)
    assert plan.args is not None and plan.args.key_digests == [
        key_digest("first"),
        key_digest("second"),
    ]
    assert '"first"' not in text and '"second"' not in text
    assert (plan.host, plan.port, plan.address) == (
        "127.0.0.1",
        server.port,
        f"127.0.0.1:{server.port}",
    )
    assert plan.args.snapshots == str(deployer.snapshots)
    choice = ModelChoice.model_validate(plan.user_config)
    assert (choice.model_folder, choice.digest, choice.model_version, choice.task) == (
        Path("/models/m"),
        "new",
        "2",
        "churn",
    )


def test_refused_model_raises_the_applications_reason(program: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    with (
        deploying(tmp_path, (200, OLD), (200, REFUSED)) as (deployer, _),
        pytest.raises(ServingError, match="card is not JSON"),
    ):
        deployer.deploy(Path("/models/m"), "new", "2")
    assert time.monotonic() - began < 30


def test_ray_failure_raises_its_last_line(program: Path, tmp_path: Path) -> None:
    program.write_text(PROGRAM.format(ends="a warning\nDEPLOY_FAILED: no room"))
    with (
        deploying(tmp_path, (200, NEW)) as (deployer, server),
        pytest.raises(ServingError, match=r"refused .*: DEPLOY_FAILED"),
    ):
        deployer.deploy(Path("/models/m"), "new", "2")
    assert server.requests == []


def test_delete_needs_no_model(program: Path, tmp_path: Path) -> None:
    with deploying(tmp_path, (200, OLD)) as (deployer, _):
        deployer.delete()
    plan = json.loads((tmp_path / "plan.json").read_text())
    assert plan["action"] == "delete" and "args" not in plan


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        ((200, OLD), OLD),
        ((503, NOT_READY), None),
        ((401, {}), None),
        ((200, b"<html>"), None),
        ((200, []), None),
    ],
)
def test_only_status_200_is_ready(
    tmp_path: Path, answer: tuple[int, Any], ready: dict | None
) -> None:
    with deploying(tmp_path, answer) as (deployer, _):
        assert deployer.ready() == ready


def test_refused_prediction_raises_the_detail(tmp_path: Path) -> None:
    refusal = (404, {"detail": "No features are published for this customer."})
    with (
        deploying(tmp_path, refusal) as (deployer, _),
        pytest.raises(ServingError, match="404: No features are published"),
    ):
        deployer.predict("nobody")


@pytest.mark.parametrize(
    "answer", [(200, b"<html>another's server</html>"), (503, b"<html>503</html>"), (200, b"")]
)
def test_foreign_response_raises(tmp_path: Path, answer: tuple[int, Any]) -> None:
    with (
        deploying(tmp_path, answer) as (deployer, _),
        pytest.raises(ServingError, match="not an answer of the application"),
    ):
        deployer.predict("a")


def test_unreachable_application_raises_with_a_fix(tmp_path: Path) -> None:
    with deploying(tmp_path, (200, OLD)) as (deployer, _):
        pass
    assert deployer.get("/ready") is None
    with pytest.raises(
        ServingError, match=r"Nothing answers at .*Fix: Start it with `retention up`"
    ):
        deployer.predict("a")


def test_api_key_is_not_sent_to_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        answering(lambda path: (200, OLD)) as proxy,
        deploying(tmp_path, (200, OLD)) as (deployer, server),
    ):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert deployer.ready() == deployer.predict("a") == OLD
    assert proxy.requests == [] and {key for _, key, _ in server.requests} == {"Bearer first"}


def test_probe_uses_one_connection(tmp_path: Path) -> None:
    with deploying(tmp_path, (200, OLD)) as (deployer, server):
        assert 0 < deployer.probe(["a", "b", "c"]) < 5000
    assert (
        len(server.requests) == 3 and len({connection for _, _, connection in server.requests}) == 1
    )
