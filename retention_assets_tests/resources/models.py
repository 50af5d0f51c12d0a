"""Small models in a real registry, for tests that score, publish or deploy a model."""

from collections.abc import Callable
from pathlib import Path

import dagster as dg
import numpy as np

from retention_assets.resources.registry import Registry
from retention_assets_tests.serve import bundles

ROWS = np.array([[3.0, 0.9, 0.0], [200.0, np.nan, 2.0]])


def work(body: Callable[[dg.AssetExecutionContext], object], raise_on_error: bool = True) -> bool:
    """Runs the body in an asset of a new Dagster run. Returns whether the run succeeded."""

    @dg.asset
    def piece_of_work(context: dg.AssetExecutionContext) -> None:
        body(context)

    return dg.materialize(
        [piece_of_work], raise_on_error=raise_on_error, tags={"why": "test"}
    ).success


def registered(registry: Registry, folder: Path, intercept: float = 0.0) -> tuple[str, str]:
    """A small model, logged and registered. Returns version and digest."""
    digest = bundles.logistic(folder, intercept)
    versions = []

    def log(context: dg.AssetExecutionContext) -> None:
        with registry.run(context, folder.name, {"candidate": "by hand"}) as tracker:
            uri, signed = registry.log_bundle(folder, bundles.FEATURES, ROWS, digest)
            run_id = tracker.active_run().info.run_id
        assert signed
        versions.append(
            registry.register(
                "churn", uri, run_id, {"digest": digest, "candidate": "by hand", "fingerprint": "f"}
            )
        )

    work(log)
    return versions[0], digest


def promoted(registry: Registry, folder: Path, intercept: float = 0.0) -> tuple[str, str]:
    """A small model that is the champion. Returns version and digest."""
    version, digest = registered(registry, folder, intercept)
    registry.promote("churn", version)
    return version, digest
