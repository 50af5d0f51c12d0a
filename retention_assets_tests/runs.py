"""What a Dagster run in this process made and judged, as plain values."""

from typing import Any

import dagster as dg


def made(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Asset -> metadata of what the run made of it."""
    events = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ]
    return {
        each.asset_key.to_user_string(): {
            name: value.value for name, value in each.metadata.items()
        }
        for each in events
    }


def judged(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Check -> whether it passed, in the order in which they were told."""
    told = (
        event
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    return {
        each.asset_check_evaluation_data.check_name: each.asset_check_evaluation_data.passed
        for each in told
    }
