"""Deploys the application on a running Ray cluster: `python -m serve.deploy < plan.json`.

It is a process of its own because Ray reads its settings at import and takes over the process that
connects. The caller stays without Ray, and can end a deploy that hangs.
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
EXIT_DEPLOY_FAILED = 3
_FAILURES = {ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY}
_POLL_S = 0.1


class DeploymentPlan(BaseModel):
    """Where to deploy and what. `user_config` names the model; a new model changes nothing else."""

    model_config = ConfigDict(frozen=True)

    action: Literal["deploy", "delete"] = "deploy"
    address: str
    host: str
    port: int
    args: ServingArgs | None = None
    user_config: dict[str, Any] = {}
    timeout_s: float = 120.0


def deploy_schema(plan: DeploymentPlan) -> ServeDeploySchema:
    """Everything that Serve should run. Ray deletes applications that are not listed here."""
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
    """Carries out the plan on standard input. Returns the exit code."""
    plan = DeploymentPlan.model_validate_json(sys.stdin.read())
    ray.init(
        address=plan.address, namespace="serve", log_to_driver=False, logging_level=logging.ERROR
    )
    # No effect where Serve already runs. Access logs are off because they would name customers.
    serve.start(
        http_options={"host": plan.host, "port": plan.port},
        proxy_location="HeadOnly",
        logging_config=LoggingConfig(enable_access_log=False, log_level="WARNING"),
    )
    if plan.action == "delete":
        serve.delete(APPLICATION)
        return 0
    # The `serve deploy` command uses the same client, through the dashboard, which is off here.
    client = _get_global_client()
    assert client is not None
    client.deploy_apps(deploy_schema(plan))
    return _wait_until_running(plan.timeout_s)


def _wait_until_running(timeout_s: float) -> int:
    """0 as soon as the application runs. Otherwise prints the reason to stderr for the operator."""
    deadline = time.monotonic() + timeout_s
    message = "Ray reported no status of the application"
    while time.monotonic() < deadline:
        application = serve.status().applications.get(APPLICATION)
        if application is not None and application.status is ApplicationStatus.RUNNING:
            return 0
        if application is not None:
            message = f"{application.status.value}: {application.message.strip()}"
            if application.status in _FAILURES:
                break
        time.sleep(_POLL_S)
    print(message, file=sys.stderr)
    return EXIT_DEPLOY_FAILED


if __name__ == "__main__":
    sys.exit(main())
