"""What a killed `retention run` leaves open is closed by the next one."""

from pathlib import Path

import dagster as dg

from retention_assets.automation.manual_run import MANUAL_RUN, manual_run, manual_run_active

TABLE = "raw/orders"


def test_killed_run_is_closed_and_its_tables_are_free(tmp_path: Path) -> None:
    limits = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=limits) as instance:
        killed = instance.add_run(
            dg.DagsterRun(
                job_name="graph", tags={MANUAL_RUN: "true"}, status=dg.DagsterRunStatus.STARTED
            )
        )
        slots = instance.event_log_storage
        slots.initialize_concurrency_limit_to_default(TABLE)
        assert slots.claim_concurrency_slot(TABLE, killed.run_id, "orders").is_claimed
        with manual_run(instance):
            closed = instance.get_run_by_id(killed.run_id)
            assert closed is not None
            assert closed.status == dg.DagsterRunStatus.FAILURE
            assert slots.claim_concurrency_slot(TABLE, "next_run", "orders").is_claimed
            assert manual_run_active(instance)
        assert not manual_run_active(instance)
