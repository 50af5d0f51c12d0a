"""Deploys the application on a running Ray cluster, as a short-lived program: `python -m serve.deploy < plan.json`.

A program of its own because Ray reads its switches at import and takes over the process that connects: whoever
deploys stays clean, and can end a deploy that hangs. It waits until Ray says that the application runs, or why not.
"""

import logging
import sys
import time
from typing import Any, Literal

import ray
from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.schema import ApplicationStatus, LoggingConfig, ServeDeploySchema

from serve.app import DEPLOYMENT, ServingArgs

APPLICATION = "retention"
IMPORT_PATH = "serve.app:app"
FAILED = 3  # exit code: Ray refused the application
_FAILURES = {ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY}
_POLL_S = 0.1


class Plan(BaseModel):
    """Where to deploy, and what. `user_config` names the model, and is all that changes when only the model does."""

    model_config = ConfigDict(frozen=True)

    action: Literal["deploy", "delete"] = "deploy"
    address: str
    host: str
    port: int
    args: ServingArgs | None = None
    user_config: dict[str, Any] = {}
    timeout_s: float = 120.0


def schema(plan: Plan) -> ServeDeploySchema:
    """The whole truth about what Serve runs: an application that is left out here is deleted."""
    assert plan.args is not None
    application = {
        "name": APPLICATION,
        "route_prefix": "/",
        "import_path": IMPORT_PATH,
        "args": plan.args.model_dump(),
        "deployments": [{"name": DEPLOYMENT, "user_config": plan.user_config}],
    }
    return ServeDeploySchema.model_validate({"applications": [application]})


def main() -> int:
    plan = Plan.model_validate_json(sys.stdin.read())
    ray.init(
        address=plan.address, namespace="serve", log_to_driver=False, logging_level=logging.ERROR
    )
    # Nothing changes where Serve runs already. Access logs would name customers' requests one by one.
    serve.start(
        http_options={"host": plan.host, "port": plan.port},
        proxy_location="HeadOnly",
        logging_config=LoggingConfig(enable_access_log=False, log_level="WARNING"),
    )
    if plan.action == "delete":
        serve.delete(APPLICATION)
        return 0
    client = (
        _get_global_client()
    )  # what `serve deploy` talks to as well, there by way of the dashboard, which is off
    assert client is not None
    client.deploy_apps(schema(plan))
    return _await(plan.timeout_s)


def _await(timeout_s: float) -> int:
    """0 once the application runs; else why not goes to stderr, for the operator."""
    end, message = time.monotonic() + timeout_s, "Ray did not report on it"
    while time.monotonic() < end:
        application = serve.status().applications.get(APPLICATION)
        if application is not None and application.status is ApplicationStatus.RUNNING:
            return 0
        if application is not None:
            message = f"{application.status.value}: {application.message.strip()}"
            if application.status in _FAILURES:
                break
        time.sleep(_POLL_S)
    print(message, file=sys.stderr)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
