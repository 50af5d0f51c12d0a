"""What is told to Ray Serve: one application, no key in clear, and nothing but `user_config` changed when the model is."""

from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from serve.app import ServingArgs
from serve.deploy import APPLICATION, IMPORT_PATH, Plan, schema

ARGUMENTS = {
    "redis_url": "unix:///nowhere/s",
    "key_digests": ["ab" * 32],
    "snapshots": "/nowhere",
    "max_batch": 7,
}
PLACE = {"address": "127.0.0.1:6479", "host": "127.0.0.1", "port": 8000}


def plan(version: str = "1", **arguments: Any) -> Plan:
    user_config = {"model_folder": "/models/m", "digest": "0" * 64, "model_version": version}
    return Plan.model_validate(PLACE | {"args": ARGUMENTS | arguments, "user_config": user_config})


def test_there_is_one_application_and_it_answers_at_the_root() -> None:
    (application,) = schema(plan()).applications
    assert (application.name, application.route_prefix, application.import_path) == (
        APPLICATION,
        "/",
        IMPORT_PATH,
    )
    assert [deployment.user_config for deployment in application.deployments] == [
        plan().user_config
    ]


def test_only_the_user_config_changes_with_the_model() -> None:
    """Ray starts new replicas for any other change; this one it hands to those that run."""
    first, second = (
        schema(plan(version)).applications[0].model_dump(exclude_unset=True)
        for version in ("1", "2")
    )
    (one,), (two,) = first.pop("deployments"), second.pop("deployments")
    assert first == second
    assert {key for key in one | two if one.get(key) != two.get(key)} == {"user_config"}


def test_the_named_application_can_be_imported_and_has_the_named_deployment() -> None:
    module, _, name = IMPORT_PATH.partition(":")
    told = schema(plan()).applications[0]
    built = getattr(import_module(module), name)(ServingArgs.model_validate(told.args))
    assert [deployment.name for deployment in told.deployments] == [built._bound_deployment.name]


def test_a_limit_that_the_platform_sets_reaches_the_application() -> None:
    assert (
        schema(plan(max_body_bytes=2048)).applications[0].args
        == plan(max_body_bytes=2048).model_dump()["args"]
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": "destroy"},
        {"address": None},
        {"port": "eighty"},
        {"args": {"redis_url": "unix:///s"}},
        {"args": ARGUMENTS | {"keys": ["in clear"]}},
    ],
)
def test_a_plan_of_another_form_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Plan.model_validate(PLACE | wrong)


def test_taking_the_application_away_needs_no_arguments() -> None:
    assert Plan.model_validate(PLACE | {"action": "delete"}).args is None
