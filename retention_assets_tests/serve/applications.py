"""The HTTP application with a real Redis and a small model, without Ray."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from retention_assets_tests.serve.bundles import HOME, logistic
from serve.features.store import VectorReader
from serve.http.limits import Limits
from serve.http.routes import build_api
from serve.http.security import AcceptedKeys, key_digest
from serve.metrics import Metrics
from serve.service import ModelChoice, PredictionService

KEY = "a-key-for-tests"


def choice_of(folder: Path, version: str = "1", **changes) -> ModelChoice:
    """Writes a model folder and returns the choice that deploys it."""
    return ModelChoice(
        model_folder=folder, digest=logistic(folder, **changes), model_version=version
    )


@contextmanager
def client_of(
    redis_url: str,
    choice: ModelChoice | None,
    snapshots: Path | None = None,
    *,
    limits: Limits | None = None,
) -> Iterator[tuple[TestClient, PredictionService]]:
    """A client that sends the key, and the service behind it."""
    service = PredictionService(
        VectorReader(redis_url, HOME, timeout_s=0.2, snapshots=snapshots), Metrics()
    )
    if choice:
        asyncio.run(service.switch_model(choice))
    api = build_api(service, AcceptedKeys([key_digest(KEY)]), limits or Limits())
    with TestClient(
        api, raise_server_exceptions=False, headers={"Authorization": f"Bearer {KEY}"}
    ) as client:
        yield client, service
