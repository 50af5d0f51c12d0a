"""What a Dagster run in this process materialized and checked, as plain values."""

from typing import Any

import dagster as dg

from retention_assets.resources.lake import Lake


def materialized(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    """Asset -> metadata of its materialization in this run."""
    materializations = [
        event.step_materialization_data.materialization
        for event in result.get_asset_materialization_events()
    ]
    return {
        materialization.asset_key.to_user_string(): {
            name: value.value for name, value in materialization.metadata.items()
        }
        for materialization in materializations
    }


def check_results(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    """Check -> whether it passed, in the order of evaluation."""
    evaluations = [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]
    return {evaluation.check_name: evaluation.passed for evaluation in evaluations}


def evaluate_check(check: dg.AssetChecksDefinition, lake: Lake) -> dg.AssetCheckEvaluation:
    """The check's result on what the lake holds."""
    checks = dg.AssetSelection.all_asset_checks()
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [check],
            resources={"lake": lake},
            instance=instance,
            selection=checks,
            raise_on_error=False,
        )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation
