"""Freshness policies and automation conditions of the assets, and the sensor that evaluates them.

Unpartitioned assets of the stages in `FOLLOWING` are materialized when their inputs are updated and
when they become stale. Training is not: the retraining decision starts it, so an old model is no
reason by itself. Partitioned assets are started by the sensors of new days and matured weeks.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import dagster as dg

from retention_assets import keys
from retention_assets.automation.manual_run import MANUAL_RUN, manual_run_active
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key

AC = dg.AutomationCondition
FOLLOWING = ("validated", "features", "value", "decisions", "serving", "monitoring")
# Callers and the retention team read these: somebody is alerted when one of them is stale.
ALERTED = (keys.ONLINE_FEATURES, keys.CHAMPION_DEPLOYMENT, keys.CHURN_SCORES)

SHORTEST_WINDOW = timedelta(minutes=1)  # Dagster refuses shorter ones


class ManualRunActive(dg.AutomationCondition):
    """True while a `retention run` is active."""

    @property
    def name(self) -> str:
        return "manual_run_active"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        active = manual_run_active(context.asset_graph_view.instance)
        subset = context.candidate_subset if active else context.get_empty_subset()
        return dg.AutomationResult(context, subset)


class InputsPassBlockingChecks(dg.AutomationCondition):
    """True where every blocking check of every input passed, or will run together with the asset.

    Dagster's own condition, recorded as one node. By itself it is recorded with each check of each
    input: 900 kB per evaluation of the watermark, hundreds of which a day store in the home.
    """

    @property
    def name(self) -> str:
        return "inputs_pass_blocking_checks"

    # Dagster awaits a coroutine, as its own conditions return one; the base class declares none.
    async def evaluate(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: dg.AutomationContext
    ) -> dg.AutomationResult:
        checks = await context.for_child_condition(
            AC.all_deps_blocking_checks_passed(), [0], context.candidate_subset
        ).evaluate_async()
        return dg.AutomationResult(context, checks.true_subset)


def freshness_policy(fail_after_s: int) -> dg.FreshnessPolicy:
    """The policy of an asset that fails at this age, in seconds, and warns at half of it."""
    fail_window = timedelta(seconds=fail_after_s)
    warn_window = fail_window / 2 if fail_window >= 2 * SHORTEST_WINDOW else None
    return dg.FreshnessPolicy.time_window(fail_window=fail_window, warn_window=warn_window)


def inputs_updated(silent: dg.AssetSelection) -> dg.AutomationCondition:
    """An input was updated by something other than `retention run`, or will be on this tick.

    Updates of the `silent` assets do not count: new days count when the watermark, which is
    materialized after them, is updated.
    """
    updated = (
        AC.newly_updated()
        & ~AC.executed_with_root_target()
        & ~AC.all_new_updates_have_run_tags(tag_keys={MANUAL_RUN})
    )
    any_updated = AC.any_deps_match(
        updated.with_label("updated_by_automation") | AC.will_be_requested()
    )
    return any_updated.ignore(silent).since_last_handled().with_label("inputs_updated")


def became_stale() -> dg.AutomationCondition:
    """The freshness policy failed, and no run was requested since.

    A run is requested once per failure of the policy: when that run fails too, the asset waits for
    an update of its inputs or for a person.
    """
    handled = AC.newly_requested() | AC.newly_updated()
    return AC.freshness_failed().newly_true().since(handled).with_label("became_stale")


def ready(partitioned: dg.AssetSelection) -> dg.AutomationCondition:
    """Nothing stands in the way of a run. Partitions that do not exist yet are not waited for."""
    missing = AC.any_deps_match(AC.missing() & ~AC.will_be_requested()).ignore(partitioned)
    return (
        ~missing.with_label("any_unpartitioned_dep_missing")
        & ~AC.any_deps_in_progress()
        & ~AC.in_progress()
        & InputsPassBlockingChecks()
        & ~ManualRunActive()
    ).with_label("ready")


def keys_of(
    assets: Iterable[dg.AssetsDefinition], partitions: dg.PartitionsDefinition
) -> list[dg.AssetKey]:
    """Keys of the assets with these partitions."""
    specs = [spec for asset in assets for spec in asset.specs]
    return sorted(spec.key for spec in specs if spec.partitions_def == partitions)


def with_automation(
    assets: Sequence[dg.AssetsDefinition], platform: Platform
) -> list[dg.AssetsDefinition]:
    """The assets with their conditions and freshness policies, which are attached only here."""
    days = dg.AssetSelection.assets(*keys_of(assets, platform.partitions.daily))
    weeks = dg.AssetSelection.assets(*keys_of(assets, platform.partitions.weekly))
    none = dg.AssetSelection.assets()

    def follows(silent: dg.AssetSelection) -> dg.AutomationCondition:
        due = inputs_updated(silent) | became_stale()
        return (due & ready(days | weeks)).with_label("follows_inputs_and_stays_fresh")

    conditions = {True: follows(silent=none), False: follows(silent=days)}
    policy = freshness_policy(platform.settings.freshness_fail_s)
    attach = partial(_attach, conditions=conditions, policy=policy, platform=platform)
    return [asset.map_asset_specs(attach) for asset in assets]


def _attach(
    spec: dg.AssetSpec,
    *,
    conditions: dict[bool, dg.AutomationCondition],
    policy: dg.FreshnessPolicy,
    platform: Platform,
) -> dg.AssetSpec:
    if spec.partitions_def is not None or spec.key.path[0] not in FOLLOWING:
        return spec
    condition = conditions[spec.key == asset_key(keys.WATERMARK)]
    enabled = platform.settings.clock_enabled
    return spec.replace_attributes(
        automation_condition=condition if enabled else None, freshness_policy=policy
    )


def condition_sensor(platform: Platform) -> dg.SensorDefinition:
    """Evaluates the conditions in the code server: the daemon does not know `ManualRunActive`."""
    options: dict[str, Any] = {"use_user_code_server": True}
    return dg.AutomationConditionSensorDefinition(
        "conditions",
        target=dg.AssetSelection.all(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=platform.settings.sensor_interval_s,
        **options,
    )
