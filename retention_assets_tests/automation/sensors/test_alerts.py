"""Alerts of stale assets and failed runs."""

from types import SimpleNamespace

import dagster as dg
import pytest

from retention_assets.resources.alerts import Alerts
from retention_assets_tests.automation.graph import Graph


def test_failed_run_is_reported_with_its_error(
    graph: Graph, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    @dg.op
    def breaks() -> None:
        raise ValueError("out of disk")

    @dg.job
    def nightly() -> None:
        breaks()

    result = nightly.execute_in_process(instance=instance, raise_on_error=False)
    context = dg.build_run_status_sensor_context(
        "failed_runs",
        result.get_run_failure_event(),
        instance,
        result.dagster_run,
        resources={"alerts": Alerts(urls=[])},
    ).for_run_failure()
    graph.sensors["failed_runs"](context)
    assert "ALERT Run failed: nightly" in capfd.readouterr().err


def test_stale_asset_is_reported_once(
    graph: Graph, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def send(_self: Alerts, title: str, body: str, _log: object) -> None:
        sent.append(f"{title}: {body}")

    states = {dg.AssetKey(["decisions", "churn_scores"]): SimpleNamespace(freshness_state="FAIL")}
    monkeypatch.setattr(Alerts, "send", send)
    monkeypatch.setattr(type(instance), "get_freshness_state_records", lambda _self, _keys: states)
    context = dg.build_sensor_context(
        instance, resources={"alerts": Alerts(urls=[])}, definitions=graph.defs
    )
    graph.sensors["stale_assets"](context)
    graph.sensors["stale_assets"](context)
    assert sent == ["Stale: decisions/churn_scores: not materialized in time."]
