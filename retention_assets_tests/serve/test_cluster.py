"""The application on a real Ray Serve behind HAProxy: deployment and model changes under load."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from retention_assets.errors import ServingError, SetupError
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.online import OnlineStore
from retention_assets.services.api_keys import api_keys
from retention_assets.services.catalog import service_environment
from retention_assets.services.processes import end_processes, home_processes
from retention_assets.services.ray_head import (
    local_ray_address,
    prepare_ray,
    ray_environment,
    ray_started_file,
)
from retention_assets.services.ray_tasks import on_cluster
from retention_assets.services.run_folder import make_run_folder, remove_run_link
from retention_assets.settings import Settings
from retention_assets_tests.serve.bundles import AS_OF, FEATURES, HOME, logistic, publish_vectors
from retention_assets_tests.serve.redis_server import RedisServer
from retention_assets_tests.services.homes import LOOPBACK, free_ports, listening
from retention_assets_tests.waiting import eventually
from serve.model.bundle import load_bundle
from serve.states import ACTIVE

pytestmark = pytest.mark.timeout(600)
ROW = [40.0, 0.3, 1.0]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Ray head and a Redis of this module, with a single published customer."""
    redis = RedisServer()
    redis.start()
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        redis_url=redis.url,
        redis_timeout_ms=2000,
        home_name=HOME,
        **free_ports(),
    )
    make_run_folder(settings.home)
    prepare_ray(settings)
    settings.logs.mkdir(parents=True)
    with (settings.logs / "ray.log").open("w") as log:
        command = [sys.executable, "-m", "retention_assets.services.ray_head"]
        head = subprocess.Popen(
            command,
            env=service_environment(settings),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        has_started = eventually(lambda: ray_started_file(settings).exists(), 180)
        assert has_started, (settings.logs / "ray.log").read_text()
        publish_vectors(redis, {"a": ROW})
        yield settings
    finally:
        remaining = end_processes(home_processes(settings.home), patience_s=10)
        head.wait()
        remove_run_link(settings.home)
        redis.remove()
    assert remaining == []


@pytest.fixture(scope="module")
def deployer(home: Settings) -> Deployer:
    """A deployer that has deployed the first model."""
    deployer = Deployer.of(home)
    deployer.deploy(home.home / "first", logistic(home.home / "first"), "1")
    return deployer


def test_http_answer_equals_the_scorer(home: Settings, deployer: Deployer) -> None:
    answer = deployer.predict("a")
    scorer = load_bundle(home.home / "first", answer["model_digest"])
    assert answer["churn_probability"] == pytest.approx(
        scorer.score(np.array(ROW)).probability, abs=1e-6
    )
    assert (answer["model_version"], answer["degraded"]) == ("1", False)


def test_nothing_listens_beyond_loopback(home: Settings, deployer: Deployer) -> None:
    assert deployer.ready()
    assert {address for address, _ in listening(home.home)} <= LOOPBACK


def test_proxy_rejects_requests_without_a_key(deployer: Deployer) -> None:
    assert httpx.post(f"{deployer.url}/predict", json={"customer_id": "a"}).status_code == 401


def test_model_change_under_load_fails_no_request(home: Settings, deployer: Deployer) -> None:
    digest = logistic(home.home / "second", intercept=1.0)

    async def swap() -> tuple[Counter, str]:
        finished = asyncio.Event()
        callers = [asyncio.create_task(_call_until(home, finished)) for _ in range(4)]
        await asyncio.to_thread(deployer.deploy, home.home / "second", digest, "2")
        after = (await asyncio.to_thread(deployer.predict, "a"))["model_version"]
        await asyncio.sleep(0.5)
        finished.set()
        return sum(await asyncio.gather(*callers), Counter()), after

    answers, after = asyncio.run(swap())
    assert after == "2"
    assert {status for status, _, _ in answers} == {200}, answers
    # Each version has a single digest: no answer mixes two models.
    assert {version: answer_digest for _, version, answer_digest in answers}["2"] == digest
    assert len({(version, answer_digest) for _, version, answer_digest in answers}) == 2


async def _call_until(home: Settings, finished: asyncio.Event) -> Counter:
    """(status, version, digest) of every answer; a connection that breaks counts as status 0."""
    answers: Counter = Counter()
    headers = {"Authorization": f"Bearer {api_keys(home)[0]}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{home.serve_port}", headers=headers, timeout=30
    ) as client:
        while not finished.is_set():
            try:
                answer = await client.post("/predict", json={"customer_id": "a"})
                content = answer.json()
                digest = content.get("model_digest", content.get("code"))
                answers[answer.status_code, content.get("model_version"), digest] += 1
            except httpx.TransportError:
                answers[0, None, None] += 1
    return answers


def test_model_with_wrong_digest_leaves_the_old_one_in_use(
    home: Settings, deployer: Deployer
) -> None:
    before = deployer.predict("a")["model_version"]
    digest = logistic(home.home / "third", intercept=2.0)
    (home.home / "third" / "model.json").write_text('{"coef": [9, 9, 9], "intercept": 9}')
    started = time.monotonic()
    with pytest.raises(ServingError, match="expected digest"):
        deployer.deploy(home.home / "third", digest, "3")
    assert time.monotonic() - started < 120
    assert deployer.predict("a")["model_version"] == before


def test_deployer_does_not_import_ray(deployer: Deployer) -> None:
    code = "import sys; import retention_assets.resources.deployer; print('ray' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


def test_missing_cluster_raises_an_error_with_a_fix(tmp_path: Path) -> None:
    away = Deployer.of(Settings(home=tmp_path, **free_ports()))
    assert away.ready() is None
    with pytest.raises(ServingError, match="Fix"):
        away.deploy(tmp_path / "m", "0" * 64, "1")


def test_second_home_on_the_cluster_has_its_own_application(
    home: Settings, deployer: Deployer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One Ray, one Redis, one port: neither home sees the other's customers, keys or models."""
    for name, value in ray_environment(home).items():
        monkeypatch.setenv(name, value)  # the cluster's token; its head is not ours
    other = Settings(
        home=tmp_path,
        api_keys="other",
        redis_url=home.redis_url,
        redis_timeout_ms=2000,
        ray_address=local_ray_address(home),
        serve_port=home.serve_port,
    )
    OnlineStore.of(other).publish(
        "other",
        FEATURES,
        AS_OF,
        ids=["z"],
        states=[ACTIVE],
        segments=[None],
        matrix=np.array([ROW]),
    )
    second = Deployer.of(other)
    before = deployer.predict("a")["model_digest"]
    digest = logistic(tmp_path / "model", intercept=0.5)
    second.deploy(tmp_path / "model", digest, "7")
    assert second.predict("z")["model_digest"] == digest
    assert deployer.predict("a")["model_digest"] == before
    for application, customer in ((deployer, "z"), (second, "a")):
        with pytest.raises(ServingError, match="404"):
            application.predict(customer)
    key_of_first = {"Authorization": f"Bearer {api_keys(home)[0]}"}
    assert httpx.get(f"{second.url}/model", headers=key_of_first).status_code == 401
    second.delete()
    assert deployer.predict("a")["model_digest"] == before


def test_search_on_the_cluster_equals_the_one_here(home: Settings, tmp_path: Path) -> None:
    """A fit that fails there is an error here, without the stack of the other process."""
    address = local_ray_address(home)
    command = [sys.executable, "-m", "retention_assets_tests.serve.cluster_search", address]
    result = subprocess.run(
        command,
        cwd=Path(__file__).parents[2],
        env=service_environment(home),  # Ray reads its token when it is imported
        input=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
    )
    answer = json.loads(result.stdout)
    assert answer["there"] == answer["here"] and len(answer["here"]) == 3
    assert answer["error"].startswith("logistic_regression cannot be fitted: The 'C' parameter")
    assert "Traceback" not in answer["error"]


def test_search_on_a_missing_cluster_says_how_to_fix_it() -> None:
    with pytest.raises(SetupError, match=r"No Ray cluster answers.*RETENTION_RAY_ADDRESS"):
        on_cluster(evaluate_fold, "127.0.0.1:1")
