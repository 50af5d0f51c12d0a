"""The one running platform that all end-to-end tests share, on a small simulated source.

It is stopped after the last of them: its services would slow the tests that follow.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from retention_assets_tests.acceptance.running_platform import RunningPlatform, running_platform
from retention_assets_tests.acceptance.source import CUSTOMERS, DAYS, PROFILE

SENSOR_INTERVAL_S = 5


@pytest.fixture(scope="package")
def platform(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    folder = tmp_path_factory.mktemp("platform")
    profile = folder / "short_windows.yaml"
    profile.write_text(PROFILE)
    # Seven in a hundred leave within 30 days: a contact must be cheap to pay for itself.
    settings: dict[str, Any] = {
        "source": str(profile),
        "simulated_customers": CUSTOMERS,
        "simulated_days": DAYS,
        "gap_days": 7,
        "min_history_days": 21,
        "test_weeks": 3,
        "contact_cost": 1.0,
        "bootstrap_rounds": 400,
        "search_trials": 2,
        "calibration_tolerance": 0.1,  # a thousand test rows with 110 leavers cannot show less
    }
    # Only the long tests wait for sensors, whose evaluations take a fifth of all CPU seconds.
    if any(item.get_closest_marker("long") for item in request.session.items):
        settings["sensor_interval_s"] = SENSOR_INTERVAL_S
    with running_platform(folder / "home", **settings) as running:
        yield running


@pytest.fixture(scope="package")
def first_run(platform: RunningPlatform) -> dict[str, Any]:
    """What the first `retention run --json` on the new home printed."""
    return platform.json("run")
