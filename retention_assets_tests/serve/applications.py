"""The HTTP application over a real Redis and a model made by hand, without Ray."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.testclient import TestClient

from retention_assets_tests.serve.bundles import logistic
from serve.features.store import FeatureStore
from serve.http.limits import Limits
from serve.http.routes import build_api
from serve.http.security import Keys, key_digest
from serve.metrics import Metrics
from serve.service import ModelChoice, Service

KEY = "a-key-for-tests"


def choice_of(folder: Path, version: str = "1", **changes) -> ModelChoice:
    """A new model folder, as a deployment names it."""
    return ModelChoice(
        model_folder=folder, digest=logistic(folder, **changes), model_version=version
    )


@contextmanager
def client_of(
    redis_url: str,
    choice: ModelChoice | None,
    snapshots: Path | None = None,
    limits: Limits | None = None,
) -> Iterator[tuple[TestClient, Service]]:
    """A client that sends the key, and the service behind it."""
    service = Service(FeatureStore(redis_url, 0.2, snapshots), Metrics())
    if choice:
        asyncio.run(service.use(choice))
    api = build_api(service, Keys([key_digest(KEY)]), limits or Limits())
    with TestClient(
        api, raise_server_exceptions=False, headers={"Authorization": f"Bearer {KEY}"}
    ) as client:
        yield client, service
