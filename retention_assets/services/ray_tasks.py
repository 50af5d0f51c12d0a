"""Runs a function on a Ray cluster of others, on whose machines the platform is installed."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

from retention_assets.errors import SetupError
from retention_assets.services.probes import answers_tcp

_CONNECTING = Lock()  # a process has one connection, and its steps run on several threads


def on_cluster(function: Callable[..., Any], address: str) -> Callable[..., Any]:
    """The same function, each call of which is a task on the cluster at `host:port`.

    An argument is sent once, however many calls it is an argument of. Raises SetupError if nothing
    answers at the address, and from the calls whatever the function raises.
    """
    import ray
    from ray.exceptions import RayTaskError

    if not answers_tcp(address):  # Ray itself would try for minutes
        raise SetupError(
            f"No Ray cluster answers at {address}.", "Start it, or correct RETENTION_RAY_ADDRESS."
        )
    with _CONNECTING:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    task = ray.remote(num_cpus=1)(function)
    # The argument is kept with its reference: another one could get its identity.
    sent: dict[int, tuple[Any, Any]] = {}

    def call(*arguments: Any) -> Any:
        for argument in arguments:
            if id(argument) not in sent:
                sent[id(argument)] = argument, ray.put(argument)
        try:
            return ray.get(task.remote(*(sent[id(argument)][1] for argument in arguments)))
        except RayTaskError as error:
            raise error.cause from error  # as it was raised, without the stack of the other process

    return call
