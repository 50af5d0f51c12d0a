"""The Ray Serve application: `serve.app:app` builds it from typed arguments. One deployment, which answers by itself.

A second deployment behind a gateway would cost a hop of milliseconds; a model swap needs none.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp

from serve.features.store import FeatureStore
from serve.http.limits import Limits
from serve.http.routes import build_api
from serve.http.security import Keys
from serve.metrics import Metrics
from serve.service import ModelChoice, Service

DEPLOYMENT = "predictions"


class ServingArgs(BaseModel):
    """What stays while models change. Keys come as digests: a deployment's config is kept in clear by Ray."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: str
    key_digests: list[str]
    snapshots: str | None = None
    redis_timeout_ms: int = 50
    max_body_bytes: int = 262_144
    max_batch: int = 1000
    rate_limit_per_s: int = 2000


@serve.deployment(
    name=DEPLOYMENT, num_replicas=1, max_ongoing_requests=64, ray_actor_options={"num_cpus": 0.2}
)
@serve.ingress()
class Predictions:
    """The service inside Ray Serve."""

    def __init__(self, args: ServingArgs) -> None:
        self._args = args
        store = FeatureStore(
            args.redis_url,
            args.redis_timeout_ms / 1000,
            Path(args.snapshots) if args.snapshots else None,
        )
        self._service = Service(store, Metrics())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        args = self._args
        limits = Limits(
            body_bytes=args.max_body_bytes, batch=args.max_batch, rate_per_s=args.rate_limit_per_s
        )
        return build_api(self._service, Keys(args.key_digests), limits)

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Called with the `user_config` at the start and at each deploy that changes it."""
        await self._service.use(ModelChoice.model_validate(user_config))


def app(args: ServingArgs) -> Application:
    """The application of these arguments. Which model it serves comes with `user_config`."""
    return Predictions.bind(args)
