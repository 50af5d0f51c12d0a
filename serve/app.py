"""The Ray Serve application: `serve.app:app` builds it from typed arguments.

It has one deployment: a second one behind a gateway would cost milliseconds per request, and
replacing a model does not need it.
"""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve import Application
from starlette.types import ASGIApp

from serve.features.store import VectorReader
from serve.http.limits import Limits
from serve.http.routes import build_api
from serve.http.security import AcceptedKeys
from serve.metrics import Metrics
from serve.service import ModelChoice, PredictionService

DEPLOYMENT = "predictions"


class ServingArgs(BaseModel):
    """Arguments that stay the same while models change.

    API keys are passed as digests because Ray stores a deployment's arguments in clear text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: str
    home: str
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
    """The prediction service as a Ray Serve deployment."""

    def __init__(self, args: ServingArgs) -> None:
        self._args = args
        store = VectorReader(
            args.redis_url,
            args.home,
            timeout_s=args.redis_timeout_ms / 1000,
            snapshots=Path(args.snapshots) if args.snapshots else None,
        )
        self._service = PredictionService(store, Metrics())

    def __serve_build_asgi_app__(self) -> ASGIApp:
        args = self._args
        limits = Limits(
            body_bytes=args.max_body_bytes, batch=args.max_batch, rate_per_s=args.rate_limit_per_s
        )
        return build_api(self._service, AcceptedKeys(args.key_digests), limits)

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Ray calls this with the `user_config` at the start and whenever a deploy changes it."""
        await self._service.switch_model(ModelChoice.model_validate(user_config))


def app(args: ServingArgs) -> Application:
    """The application with these arguments. The model it serves is named in `user_config`."""
    return Predictions.bind(args)
