"""The schema that Ray Serve gets: a single application; a new model changes `user_config` only."""

from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from serve.app import ServingArgs
from serve.deploy import IMPORT_PATH, DeploymentPlan, deploy_schema, other_applications

ARGUMENTS = {
    "redis_url": "unix:///nowhere/s",
    "home": "shop",
    "key_digests": ["ab" * 32],
    "snapshots": "/nowhere",
    "max_batch": 7,
}
ADDRESS = {"address": "127.0.0.1:6479", "host": "127.0.0.1", "port": 8000, "application": "shop"}


def plan(version: str = "1", **arguments: Any) -> DeploymentPlan:
    user_config = {"model_folder": "/models/m", "digest": "0" * 64, "model_version": version}
    return DeploymentPlan.model_validate(
        ADDRESS | {"args": ARGUMENTS | arguments, "user_config": user_config}
    )


def test_schema_has_one_application_at_the_root() -> None:
    (application,) = deploy_schema(plan()).applications
    assert (application.name, application.route_prefix, application.import_path) == (
        "shop",
        "/",
        IMPORT_PATH,
    )
    assert [deployment.user_config for deployment in application.deployments] == [
        plan().user_config
    ]


def test_applications_of_other_homes_stay() -> None:
    """Ray deletes what the schema does not list. An application without config is not ours."""
    first, second = (deploy_schema(shared(name)).applications[0] for name in ("shop", "bank"))
    details = {
        "applications": {
            "shop": {"deployed_app_config": first.model_dump(mode="json", exclude_unset=True)},
            "bank": {"deployed_app_config": second.model_dump(mode="json", exclude_unset=True)},
            "by hand": {"deployed_app_config": None},
        }
    }
    schema = deploy_schema(shared("shop"), other_applications(details, shared("shop")))
    routes = {application.name: application.route_prefix for application in schema.applications}
    assert routes == {"shop": "/shop", "bank": "/bank"}
    assert next(iter(schema.applications)) == second


def shared(name: str) -> DeploymentPlan:
    """The plan of a home on a cluster of several."""
    return plan().model_copy(update={"application": name, "route": f"/{name}"})


def test_new_model_changes_only_the_user_config() -> None:
    """Ray starts new replicas for any other change."""
    first, second = (
        deploy_schema(plan(version)).applications[0].model_dump(exclude_unset=True)
        for version in ("1", "2")
    )
    (old,) = first.pop("deployments")
    (new,) = second.pop("deployments")
    assert first == second
    assert {key for key in old | new if old.get(key) != new.get(key)} == {"user_config"}


def test_import_path_builds_the_named_deployment() -> None:
    module, _, name = IMPORT_PATH.partition(":")
    application = deploy_schema(plan()).applications[0]
    built = getattr(import_module(module), name)(ServingArgs.model_validate(application.args))
    assert [deployment.name for deployment in application.deployments] == [
        built._bound_deployment.name
    ]


def test_limits_of_the_plan_reach_the_application() -> None:
    assert (
        deploy_schema(plan(max_body_bytes=2048)).applications[0].args
        == plan(max_body_bytes=2048).model_dump()["args"]
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "destroy"},
        {"address": None},
        {"port": "eighty"},
        {"args": {"redis_url": "unix:///s"}},
        {"args": ARGUMENTS | {"keys": ["in clear"]}},
    ],
)
def test_invalid_plan_is_rejected(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DeploymentPlan.model_validate(ADDRESS | changes)


def test_delete_plan_needs_no_arguments() -> None:
    assert DeploymentPlan.model_validate(ADDRESS | {"action": "delete"}).args is None
