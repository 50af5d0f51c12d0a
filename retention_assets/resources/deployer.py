"""The deployer: puts a model folder behind HTTP on the Ray cluster, and waits until it answers.

What runs there is `serve/`'s business; which model is deployed is the serving stage's.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import httpx

from retention_assets.errors import ServingError
from retention_assets.services.api_keys import api_keys
from retention_assets.services.catalog import redis_url, service_environment
from retention_assets.services.probes import answers_tcp
from retention_assets.services.ray_head import local_ray_address
from retention_assets.settings import Settings
from serve.http.security import key_digest

DEPLOY_S = (
    180.0  # A first deploy starts a controller, a proxy and a replica: a minute on two busy cores.
)
CALL_S = 5.0
_POLL_S = 0.1


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none, as when a proxy answers for an application that is not there."""
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


class Deployer:
    """Deploys to the Ray cluster of one home. A plain class: what it knows of keys must not show up in config."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: Settings) -> "Deployer":
        return cls(settings)

    @property
    def url(self) -> str:
        return f"http://{self._settings.host}:{self._settings.serve_port}"

    @property
    def snapshots(self) -> Path:
        """Where the serving side looks for snapshots of the vectors."""
        return self._settings.home / "serving" / "snapshot"

    def deploy(
        self, model_folder: Path, digest: str, version: str, task: str = "churn"
    ) -> dict[str, Any]:
        """Serves this model and returns what /ready then says. The model before it answers until this one is loaded.

        ServingError when Ray or the application refuses it; then the one before goes on answering.
        """
        user_config = {
            "model_folder": str(model_folder),
            "digest": digest,
            "model_version": version,
            "task": task,
        }
        self._program(
            {
                "action": "deploy",
                "args": self._arguments(),
                "user_config": user_config,
                "timeout_s": DEPLOY_S,
            }
        )
        return self._await_ready(digest, version)

    def delete(self) -> None:
        """Takes the application off Ray; nothing answers afterwards."""
        self._program({"action": "delete"})

    def ready(self) -> dict[str, Any] | None:
        """What /ready says now: model_version, model_digest, store, refused. None: nothing is ready."""
        answer = self.get("/ready")
        return (
            json_object(answer) or None
            if answer is not None and answer.status_code == 200
            else None
        )

    def get(self, path: str) -> httpx.Response | None:
        """The answer to a GET with this home's key; None where nothing answers."""
        try:
            return httpx.get(
                f"{self.url}{path}", headers=self._headers(), timeout=CALL_S, trust_env=False
            )
        except httpx.TransportError:
            return None

    def predict(self, customer_id: str) -> dict[str, Any]:
        """One live prediction. ServingError with the application's own words when it refuses."""
        with self._client() as client:
            return self._prediction(client, customer_id)

    def probe(self, customer_ids: list[str]) -> float:
        """Median milliseconds of one prediction each, over one connection."""
        took = []
        with self._client() as client:
            for customer_id in customer_ids:
                began = time.perf_counter()
                self._prediction(client, customer_id)
                took.append((time.perf_counter() - began) * 1000)
        return median(took)

    def _arguments(self) -> dict[str, Any]:
        knobs = self._settings
        return {
            "redis_url": redis_url(knobs),
            "key_digests": [key_digest(key) for key in api_keys(knobs)],
            "snapshots": str(self.snapshots),
            "redis_timeout_ms": knobs.redis_timeout_ms,
            "max_body_bytes": knobs.max_body_bytes,
            "max_batch": knobs.max_batch,
            "rate_limit_per_s": knobs.rate_limit_per_s,
        }

    def _program(self, plan: dict[str, Any]) -> None:
        """Runs `serve.deploy` as a child that is ended when it takes too long."""
        address = local_ray_address(self._settings)
        plan |= {"address": address, "host": self._settings.host, "port": self._settings.serve_port}
        fix = f"See `retention status` and the log {self._settings.logs / 'ray.log'}."
        if not answers_tcp(address):  # Ray itself would try for minutes
            raise ServingError(f"No Ray cluster answers at {address}.", fix)
        try:
            done = subprocess.run(
                [sys.executable, "-m", "serve.deploy"], input=json.dumps(plan), env=service_environment(self._settings),
                capture_output=True, text=True, timeout=DEPLOY_S + 60, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ServingError(
                f"Ray at {address} did not take the deployment in {DEPLOY_S:.0f} s.", fix
            ) from error
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise ServingError(f"Ray at {address} refused the deployment: {last[0]}", fix)

    def _await_ready(self, digest: str, version: str) -> dict[str, Any]:
        end, said = time.monotonic() + CALL_S * 12, "nothing answered"
        while time.monotonic() < end:
            answer = self.get("/ready")
            told = json_object(answer) if answer is not None else {}
            if told.get("model_digest") == digest and told.get("model_version") == version:
                return told
            said = str(told.get("refused") or told.get("detail") or said)
            if (told.get("refused") or {}).get("model_digest") == digest:
                break
            time.sleep(_POLL_S)
        raise ServingError(
            f"Model version {version} is not served: {said}",
            "The model before it goes on answering; retrain.",
        )

    def _prediction(self, client: httpx.Client, customer_id: str) -> dict[str, Any]:
        try:
            answer = client.post("/predict", json={"customer_id": customer_id})
        except httpx.TransportError as error:
            raise ServingError(
                f"Nothing answers at {self.url}.", "Start it with `retention up`."
            ) from error
        told = json_object(answer)
        if answer.status_code != 200 or not told:
            raise ServingError(
                f"{answer.status_code}: {told.get('detail', 'not an answer of ours')}",
                "See `retention status`.",
            )
        return told

    def _client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers=self._headers(), timeout=CALL_S, trust_env=False
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_keys(self._settings)[0]}"}
