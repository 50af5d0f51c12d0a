"""The deployer: serves a model folder over HTTP on the Ray cluster and waits until it answers.

What runs there is in `serve/`; the serving stage decides which model is deployed.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from retention_assets.errors import ServingError
from retention_assets.services.api_keys import api_keys
from retention_assets.services.catalog import redis_url, service_environment
from retention_assets.services.probes import answers_tcp
from retention_assets.services.ray_head import local_ray_address
from retention_assets.settings import Settings
from serve.http.security import key_digest

if TYPE_CHECKING:
    import httpx

DEPLOY_S = (
    180.0  # A first deploy starts a controller, a proxy and a replica: a minute on two busy cores.
)
CALL_S = 5.0
_POLL_S = 0.1


def json_object(response: "httpx.Response") -> dict[str, Any]:
    """The response's JSON object; empty if it has none, as when only a proxy answers."""
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


class Deployer:
    """Deploys to the Ray cluster of one home.

    A plain class, not a configurable resource: it knows API keys, and Dagster shows config.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @classmethod
    def of(cls, settings: Settings) -> "Deployer":
        return cls(settings)

    @property
    def route(self) -> str:
        """What the paths of the application begin with: on a cluster of others, the home's name."""
        return f"/{self._settings.shared_name}" if self._settings.ray_address else "/"

    @property
    def url(self) -> str:
        """The application's address; its paths follow."""
        return f"http://{self._settings.host}:{self._settings.serve_port}{self.route}".rstrip("/")

    @property
    def snapshots(self) -> Path:
        """Where the application looks for snapshots of the vectors."""
        return self._settings.home / "serving" / "snapshot"

    def deploy(
        self, model_folder: Path, digest: str, version: str, task: str = "churn"
    ) -> dict[str, Any]:
        """Serves this model and returns the body of /ready.

        The previous model answers until this one is loaded. Raises ServingError when Ray or the
        application refuses it; then the previous model stays.
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
        """Removes the application from Ray; nothing answers afterwards."""
        self._program({"action": "delete"})

    def ready(self) -> dict[str, Any] | None:
        """The body of /ready: model_version, model_digest, store, refused. None: not ready."""
        response = self.get("/ready")
        if response is None or response.status_code != 200:
            return None
        return json_object(response) or None

    def get(self, path: str) -> "httpx.Response | None":
        """The response to a GET with this home's key; None where nothing answers."""
        import httpx

        try:
            return httpx.get(
                f"{self.url}{path}", headers=self._headers(), timeout=CALL_S, trust_env=False
            )
        except httpx.TransportError:
            return None

    def predict(self, customer_id: str) -> dict[str, Any]:
        """One live prediction. Raises ServingError with the application's reason if refused."""
        with self._client() as client:
            return self._prediction(client, customer_id)

    def probe(self, customer_ids: list[str]) -> float:
        """Median milliseconds of a prediction, over one connection."""
        durations = []
        with self._client() as client:
            for customer_id in customer_ids:
                began = time.perf_counter()
                self._prediction(client, customer_id)
                durations.append((time.perf_counter() - began) * 1000)
        return median(durations)

    def _arguments(self) -> dict[str, Any]:
        return {
            "redis_url": redis_url(self._settings),
            "home": self._settings.shared_name,
            "key_digests": [key_digest(key) for key in api_keys(self._settings)],
            "snapshots": str(self.snapshots),
            "redis_timeout_ms": self._settings.redis_timeout_ms,
            "max_body_bytes": self._settings.max_body_bytes,
            "max_batch": self._settings.max_batch,
            "rate_limit_per_s": self._settings.rate_limit_per_s,
        }

    def _program(self, plan: dict[str, Any]) -> None:
        """Runs `serve.deploy` as a child that is ended when it takes too long."""
        address = local_ray_address(self._settings)
        plan |= {
            "address": address,
            "host": self._settings.host,
            "port": self._settings.serve_port,
            "application": self._settings.shared_name,
            "route": self.route,
        }
        fix = f"See `retention status` and the log {self._settings.logs / 'ray.log'}."
        if not answers_tcp(address):  # Ray itself would try for minutes
            raise ServingError(f"No Ray cluster answers at {address}.", fix)
        try:
            result = subprocess.run(
                [sys.executable, "-m", "serve.deploy"],
                input=json.dumps(plan),
                env=service_environment(self._settings),
                capture_output=True,
                text=True,
                timeout=DEPLOY_S + 60,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ServingError(
                f"Ray at {address} did not take the deployment in {DEPLOY_S:.0f} s.", fix
            ) from error
        if result.returncode:
            last = result.stderr.strip().splitlines()[-1:] or ["no message"]
            raise ServingError(f"Ray at {address} refused the deployment: {last[0]}", fix)

    def _await_ready(self, digest: str, version: str) -> dict[str, Any]:
        end = time.monotonic() + CALL_S * 12
        reason = "nothing answered"
        while time.monotonic() < end:
            response = self.get("/ready")
            body = json_object(response) if response is not None else {}
            if body.get("model_digest") == digest and body.get("model_version") == version:
                return body
            reason = str(body.get("refused") or body.get("detail") or reason)
            if (body.get("refused") or {}).get("model_digest") == digest:
                break
            time.sleep(_POLL_S)
        raise ServingError(
            f"Model version {version} is not served: {reason}",
            "Retrain. Until then the previous model answers.",
        )

    def _prediction(self, client: "httpx.Client", customer_id: str) -> dict[str, Any]:
        import httpx

        try:
            response = client.post("/predict", json={"customer_id": customer_id})
        except httpx.TransportError as error:
            raise ServingError(
                f"Nothing answers at {self.url}.", "Start it with `retention up`."
            ) from error
        body = json_object(response)
        if response.status_code != 200 or not body:
            raise ServingError(
                f"{response.status_code}: {body.get('detail', 'not an answer of the application')}",
                "See `retention status`.",
            )
        return body

    def _client(self) -> "httpx.Client":
        import httpx

        return httpx.Client(
            base_url=self.url, headers=self._headers(), timeout=CALL_S, trust_env=False
        )

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {api_keys(self._settings)[0]}"}
