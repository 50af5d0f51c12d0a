"""What `retention run` materializes and how it reports a failure, on small graphs without Spark."""

import io
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from retention_assets import keys
from retention_assets.automation.asset_definitions import contract_of
from retention_assets.automation.contract import reason_to_wait, record_contract
from retention_assets.automation.manual_run import MANUAL_RUN
from retention_assets.automation.reconciliation import SERVING, Reconciliation
from retention_assets.cli.progress import RunDisplay
from retention_assets.errors import ProfileError, RunFailedError
from retention_assets.platform import Platform
from retention_assets.settings import Settings


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform.of(Settings(home=tmp_path, source="simulated"))


def reconciliation(
    platform: Platform, *assets: dg.AssetsDefinition, instance: Any = None
) -> Reconciliation:
    definitions = dg.Definitions(assets, executor=dg.in_process_executor)
    return Reconciliation(definitions, platform, instance, RunDisplay(Console(file=io.StringIO())))


def empty_asset(
    name: str, partitions: dg.PartitionsDefinition | None = None
) -> dg.AssetsDefinition:
    @dg.asset(key=name.split("/"), partitions_def=partitions)
    def empty() -> None: ...

    return empty


def test_keys_are_grouped_by_partitions(platform: Platform) -> None:
    partitions = platform.partitions
    pairs = [("d", partitions.daily), ("w", partitions.weekly), ("b", None), ("a", None)]
    graph = reconciliation(platform, *(empty_asset(name, kind) for name, kind in pairs))
    keys = [
        [key.to_user_string() for key in graph.keys(kind)]
        for kind in (partitions.daily, partitions.weekly, None)
    ]
    assert keys == [["d"], ["w"], ["a", "b"]]


def test_run_materializes_selection_and_is_tagged(platform: Platform) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = reconciliation(platform, empty_asset("a"), empty_asset("b"), instance=instance)
        graph.materialize("One", [dg.AssetKey("a")], {"why": "test"})
        (run,) = instance.get_runs()
        materialized = [
            bool(instance.get_latest_materialization_event(dg.AssetKey(name)))
            for name in ("a", "b")
        ]
    assert materialized == [True, False]
    assert (run.tags[MANUAL_RUN], run.tags["why"]) == ("true", "test")


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ProfileError("No such file.", "Put it there."), "Put it there."),
        (ValueError("No such file."), "See the full error in "),
    ],
)
def test_failed_run_raises_first_cause_with_fix(
    platform: Platform, error: Exception, fix: str
) -> None:
    @dg.asset
    def broken() -> None:
        raise error

    @dg.asset(deps=[broken])
    def after() -> None: ...

    with dg.DagsterInstance.ephemeral() as instance:
        graph = reconciliation(platform, broken, after, instance=instance)
        with pytest.raises(RunFailedError) as failure:
            graph.materialize("All", [broken.key, after.key])
    assert failure.value.problem.startswith("broken failed: ")
    assert failure.value.problem.endswith("No such file.")
    assert failure.value.fix.startswith(fix)


def test_as_of_day_is_carried_out_and_taken_back(platform: Platform) -> None:
    """The watermark moves to the day and back, and everything that follows from it is remade."""
    past = Platform.of(platform.settings.model_copy(update={"as_of": date(2024, 6, 1)}))
    assets = [empty_asset(name) for name in (keys.WATERMARK, "features/customer_behavior")]
    with dg.DagsterInstance.ephemeral() as instance:

        def runs_of(view: Platform) -> list[list[str]]:
            before = {run.run_id for run in instance.get_runs()}
            reconciliation(view, *assets, instance=instance).bring_up_to_date()
            return [
                sorted(key.to_user_string() for key in run.asset_selection or ())
                for run in reversed(instance.get_runs())
                if run.run_id not in before
            ]

        remade = [[keys.WATERMARK], ["features/customer_behavior"]]
        views = (platform, platform, past, past, platform)
        assert [runs_of(view) for view in views] == [remade, [], remade, [], remade]


def test_watermark_is_selected_with_the_days(platform: Platform) -> None:
    """It decides which weeks are matured, so it comes before them, also in a new home."""
    daily = empty_asset("raw/orders", platform.partitions.daily)
    others = [empty_asset(name) for name in (keys.WATERMARK, "training/churn_champion")]
    with dg.DagsterInstance.ephemeral() as instance:
        graph = reconciliation(platform, daily, *others, instance=instance)
        graph.materialize_selected("*")
        graph.materialize_selected(keys.WATERMARK)
        runs = [
            sorted(key.to_user_string() for key in run.asset_selection or ())
            for run in reversed(instance.get_runs())
        ]
    first = ["raw/orders", keys.WATERMARK]
    assert runs == [first, ["training/churn_champion"], [keys.WATERMARK]]


class TestChangedContract:
    KEYS = (
        "features/customer_behavior",
        "training/churn_examples",
        "training/churn_champion",
        "decisions/churn_scores",
    )

    def assets(self, broken: str | None = None) -> list[dg.AssetsDefinition]:
        """A row of assets, each made from the one before, but for the first."""

        def asset(key: str, deps: list[str]) -> dg.AssetsDefinition:
            @dg.asset(key=key.split("/"), deps=[dg.AssetKey.from_user_string(dep) for dep in deps])
            def body() -> None:
                if key == broken:
                    raise ValueError(f"{key} is broken")

            return body

        return [
            asset(self.KEYS[0], []),
            asset(self.KEYS[1], []),
            asset(self.KEYS[2], [self.KEYS[1]]),
            asset(self.KEYS[3], [self.KEYS[2]]),
            empty_asset(keys.WATERMARK),
        ]

    def run(
        self, platform: Platform, instance: dg.DagsterInstance, broken: str | None = None
    ) -> tuple[set[str], str]:
        """The assets that were materialized, and what was shown."""
        before = {run.run_id for run in instance.get_runs()}
        graph = reconciliation(platform, *self.assets(broken), instance=instance)
        output = io.StringIO()
        graph.progress = RunDisplay(Console(file=output, width=300))
        with suppress(RunFailedError):
            graph.bring_up_to_date()
        runs = [run for run in instance.get_runs() if run.run_id not in before]
        names = {key.to_user_string() for run in runs for key in run.asset_selection or ()}
        return names, output.getvalue()

    def test_only_what_follows_from_it_is_made_anew(self, platform: Platform) -> None:
        changed = Platform.of(platform.settings.model_copy(update={"gap_days": 21}))
        with dg.DagsterInstance.ephemeral() as instance:
            self.run(platform, instance)
            assert self.run(platform, instance) == (set(), "")
            made_anew, output = self.run(changed, instance)
            assert self.run(changed, instance) == (set(), "")
        assert made_anew == set(self.KEYS[1:])
        assert "Changed: training/churn_examples: gap_days 14 -> 21\n" in output
        assert (
            "Made anew: decisions/churn_scores, training/churn_champion, "
            "training/churn_examples (0 weeks)" in output
        )

    def test_interrupted_change_is_carried_through_or_taken_back(self, platform: Platform) -> None:
        changed = Platform.of(platform.settings.model_copy(update={"gap_days": 21}))
        with dg.DagsterInstance.ephemeral() as instance:
            self.run(platform, instance)
            self.run(changed, instance, broken=self.KEYS[2])
            assert reason_to_wait(platform) and reason_to_wait(changed)
            made_anew, _ = self.run(platform, instance)
            assert reason_to_wait(platform) is None
        assert made_anew == set(self.KEYS[1:])

    def test_outdated_watermark_comes_before_what_reads_it(self, platform: Platform) -> None:
        """Also where no file is new, as in the home of an earlier version of the code."""
        home = platform.settings.home
        with dg.DagsterInstance.ephemeral() as instance:
            self.run(platform, instance)
            record_contract(home, {**contract_of(platform), keys.WATERMARK: {}})
            self.run(platform, instance)
            newest_first = [sorted(run.asset_selection or ()) for run in instance.get_runs()]
        watermark = dg.AssetKey.from_user_string(keys.WATERMARK)
        assert newest_first[0] == [watermark]


def test_redeployed_assets_are_in_the_graph(platform: Platform) -> None:
    from retention_assets.definitions import build_definitions

    graph = build_definitions(platform).resolve_asset_graph()
    assert {dg.AssetKey.from_user_string(key) for key in SERVING} <= graph.get_all_asset_keys()
