"""Deploys the application on a running Ray cluster: `python -m serve.deploy < plan.json`.

It is a process of its own because Ray reads its settings at import and takes over the process that
connects. The caller stays without Ray, and can end a deploy that hangs.
"""

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import ray
from pydantic import BaseModel, ConfigDict
from ray import serve
from ray.serve.context import _get_global_client
from ray.serve.schema import ApplicationStatus, LoggingConfig, ServeDeploySchema

from serve.app import DEPLOYMENT, ServingArgs

IMPORT_PATH = "serve.app:app"
EXIT_DEPLOY_FAILED = 3
_FAILURES = {ApplicationStatus.DEPLOY_FAILED, ApplicationStatus.UNHEALTHY}
_POLL_S = 0.1


class DeploymentPlan(BaseModel):
    """Where to deploy and what. `user_config` names the model; a new model changes nothing else.

    `application`: its name on the cluster; `route`: what the paths of its routes begin with.
    """

    model_config = ConfigDict(frozen=True)

    action: Literal["deploy", "delete"] = "deploy"
    address: str
    host: str
    port: int
    application: str
    route: str = "/"
    args: ServingArgs | None = None
    user_config: dict[str, Any] = {}
    timeout_s: float = 120.0


def deploy_schema(
    plan: DeploymentPlan, others: Sequence[Mapping[str, Any]] = ()
) -> ServeDeploySchema:
    """Everything that Serve should run. Ray deletes applications that are not listed here, so it
    includes the `others` that run on the cluster.
    """
    assert plan.args is not None
    application = {
        "name": plan.application,
        "route_prefix": plan.route,
        "import_path": IMPORT_PATH,
        "args": plan.args.model_dump(),
        "deployments": [{"name": DEPLOYMENT, "user_config": plan.user_config}],
    }
    return ServeDeploySchema.model_validate({"applications": [*others, application]})


def other_applications(details: Mapping[str, Any], plan: DeploymentPlan) -> list[Mapping[str, Any]]:
    """What was deployed under other names and on other routes, as Serve's details have it."""
    configs = [
        application.get("deployed_app_config") for application in details["applications"].values()
    ]
    return [
        config
        for config in configs
        if config and config["name"] != plan.application and config["route_prefix"] != plan.route
    ]


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
        serve.delete(plan.application)
        return 0
    # The `serve deploy` command uses the same client, through the dashboard, which is off here.
    client = _get_global_client()
    assert client is not None
    others = other_applications(client.get_serve_details(), plan)
    client.deploy_apps(deploy_schema(plan, others))
    return _wait_until_running(plan.application, plan.timeout_s)


def _wait_until_running(name: str, timeout_s: float) -> int:
    """0 as soon as the application runs. Otherwise prints the reason to stderr for the operator."""
    deadline = time.monotonic() + timeout_s
    message = "Ray reported no status of the application"
    while time.monotonic() < deadline:
        application = serve.status().applications.get(name)
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
