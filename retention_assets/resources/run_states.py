"""What became of Dagster runs."""

from collections.abc import Collection

import dagster as dg


def failed_runs(instance: dg.DagsterInstance, run_ids: Collection[str]) -> set[str]:
    """Those of the runs that failed or were canceled."""
    if not run_ids:
        return set()  # Dagster takes an empty filter for no filter
    statuses = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    runs = instance.get_runs(dg.RunsFilter(run_ids=sorted(run_ids), statuses=statuses))
    return {run.run_id for run in runs}
