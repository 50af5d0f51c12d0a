"""What a home's contract holds, and which assets a change of it makes outdated."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from retention_assets import keys
from retention_assets.automation import asset_definitions
from retention_assets.automation.asset_definitions import contract_of
from retention_assets.automation.contract import (
    Change,
    changes_of,
    claim,
    compare,
    digests,
    outdated_assets,
    reason_to_wait,
    record_contract,
)
from retention_assets.definitions import build_definitions
from retention_assets.features import measures
from retention_assets.features.declarations import FEATURES
from retention_assets.features.expressions import Sum
from retention_assets.features.feature import Feature
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.platform import Platform
from retention_assets.settings import Settings, operational_fields
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Churn, Profile

RESULT_FIELDS = sorted(set(Settings.model_fields) - operational_fields())
CHAMPION = {keys.CHURN_CHAMPION, keys.TEST_PERIODS}
LATER = CHAMPION | {
    keys.CHURN_SCORES,
    keys.ONLINE_FEATURES,
    keys.CHAMPION_DEPLOYMENT,
    keys.FEATURE_DRIFT,
    keys.FEATURE_CATALOG,
    keys.RETRAINING_DECISION,
}
MODELS = {keys.churn_candidate(item.name) for item in CANDIDATES} | {keys.CHURN_LEADERBOARD} | LATER
EXAMPLES = {keys.CHURN_EXAMPLES} | MODELS
BEHAVIOR = keys.customer_features("behavior")
CUSTOMER_TABLES = {
    keys.customer_features(group) for group in ("demographics", "transactions", "behavior")
}
# Reads features of all groups.
SEGMENTS = {keys.CUSTOMER_SEGMENTS}
VALUE = SEGMENTS | {keys.LIFETIME_VALUE}
TILES = {keys.DAILY_ACTIVITY} | CUSTOMER_TABLES | VALUE | EXAMPLES


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform.of(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))


@pytest.fixture(scope="module")
def defs(platform: Platform) -> dg.Definitions:
    return build_definitions(platform)


def of_settings(platform: Platform, **changes: Any) -> Platform:
    return replace(platform, settings=platform.settings.model_copy(update=changes))


def of_profile(platform: Platform, **changes: Any) -> Platform:
    content = platform.profile.model_dump() | changes
    return replace(platform, profile=Profile.model_validate(content))


def of_table(platform: Platform, name: str, **columns: str) -> Platform:
    tables = platform.profile.model_dump()["tables"]
    tables[name]["columns"] |= columns
    return of_profile(platform, tables=tables)


def outdated(before: Platform, after: Platform, defs: dg.Definitions) -> set[str]:
    changes = compare(contract_of(before), contract_of(after))
    return {key.to_user_string() for key in outdated_assets(changes, defs)}


def table_and_watermark(name: str) -> set[str]:
    table = {keys.raw(name), keys.validated(name), keys.quarantine(name)}
    return table | {keys.SOURCE_FILES, keys.WATERMARK}


def test_every_asset_has_a_definition(platform: Platform, defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.get_all_asset_keys()}
    assert names == set(contract_of(platform))
    versions = {
        key.to_user_string(): graph.get(key).code_version for key in graph.materializable_asset_keys
    }
    assert versions == digests(contract_of(platform))


@pytest.mark.parametrize("field", RESULT_FIELDS)
def test_setting_of_results_is_in_the_contract(field: str, platform: Platform) -> None:
    value = getattr(platform.settings, field)
    changed = of_settings(platform, **{field: value + (1 if isinstance(value, int) else 0.01)})
    assert compare(contract_of(platform), contract_of(changed))


@pytest.mark.parametrize("field", ["serve_port", "patience_days", "spark_memory", "api_keys"])
def test_setting_of_operation_is_not_in_the_contract(field: str, platform: Platform) -> None:
    changed = of_settings(platform, **{field: 9})
    assert contract_of(changed) == contract_of(platform)


def test_changed_label_makes_examples_and_models_outdated(
    platform: Platform, defs: dg.Definitions
) -> None:
    churn = platform.profile.churn.model_dump()
    nearer = of_profile(platform, churn=churn | {"horizon_days": 60})
    assert Change(keys.CHURN_EXAMPLES, "churn horizon_days", "90", "60") in compare(
        contract_of(platform), contract_of(nearer)
    )
    longer_gap = of_settings(platform, gap_days=21)
    assert outdated(platform, nearer, defs) == outdated(platform, longer_gap, defs) == EXAMPLES


@pytest.mark.parametrize("field", sorted(Churn.model_fields))
def test_every_field_of_the_label_is_in_the_contract(field: str, platform: Platform) -> None:
    churn = platform.profile.churn
    value = "inactivity" if field == "kind" else 17
    profile = platform.profile.model_copy(update={"churn": churn.model_copy(update={field: value})})
    changed = replace(platform, profile=profile)
    changes = compare(contract_of(platform), contract_of(changed))
    kind_assets = {keys.CUSTOMER_STATE, keys.LIFETIME_VALUE, keys.WATERMARK}
    of_kind = kind_assets if field == "kind" else set()
    assert {change.asset for change in changes} == {keys.CHURN_EXAMPLES} | of_kind


def test_days_to_lapse_are_in_the_definition_of_states(platform: Platform) -> None:
    def states(**churn: Any) -> dict[str, str]:
        profile = of_profile(platform, churn={"kind": "inactivity", **churn})
        return dict(contract_of(profile)[keys.CUSTOMER_STATE])

    assert states(horizon_days=60) != states(horizon_days=90)
    assert states(horizon_days=60) == states(horizon_days=90, lapsed_after_days=60)


def test_changed_mapping_makes_all_that_is_read_from_it_outdated(
    platform: Platform, defs: dg.Definitions
) -> None:
    changed = of_table(platform, "support_tickets", severity="'low'")
    expected = table_and_watermark("support_tickets") | TILES
    assert outdated(platform, changed, defs) == expected


def test_table_that_no_feature_reads_leaves_models_alone(
    platform: Platform, defs: dg.Definitions
) -> None:
    changed = of_table(platform, "fraud_reports", reported_by="'bank'")
    assert outdated(platform, changed, defs) == table_and_watermark("fraud_reports")


class TestDeclarations:
    NEW = Feature("revenue_7d", "behavior", Sum("revenue", days=7), "Revenue of a week.")

    def outdated_by(
        self, name: str, value: Any, platform: Platform, defs: dg.Definitions
    ) -> set[str]:
        before = contract_of(platform)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asset_definitions, name, value)
            changes = compare(before, contract_of(platform))
        return {key.to_user_string() for key in outdated_assets(changes, defs)}

    def test_new_feature(self, platform: Platform, defs: dg.Definitions) -> None:
        made_anew = self.outdated_by("FEATURES", (*FEATURES, self.NEW), platform, defs)
        assert made_anew == {BEHAVIOR} | SEGMENTS | EXAMPLES

    def test_removed_feature(self, platform: Platform, defs: dg.Definitions) -> None:
        fewer = tuple(item for item in FEATURES if item.name != "revenue_30d")
        made_anew = self.outdated_by("FEATURES", fewer, platform, defs)
        assert made_anew == {keys.customer_features("transactions")} | SEGMENTS | EXAMPLES

    def test_changed_formula(self, platform: Platform, defs: dg.Definitions) -> None:
        changed = tuple(
            replace(item, expression=Sum("revenue")) if item.name == "revenue_30d" else item
            for item in FEATURES
        )
        made_anew = self.outdated_by("FEATURES", changed, platform, defs)
        assert made_anew == {keys.customer_features("transactions")} | SEGMENTS | EXAMPLES

    def test_feature_that_no_model_reads(self, platform: Platform, defs: dg.Definitions) -> None:
        shown = replace(self.NEW, left_out_because="Not measured.")
        made_anew = self.outdated_by("FEATURES", (*FEATURES, shown), platform, defs)
        assert made_anew == {BEHAVIOR} | SEGMENTS | LATER - CHAMPION

    def test_new_measure(self, platform: Platform, defs: dg.Definitions) -> None:
        new = measures.Measure("gifts", "Gifts.", "transactions", "count", where="kind = 'gift'")
        available = [*measures.available_measures(platform.profile.tables), new]
        made_anew = self.outdated_by("available_measures", lambda _: available, platform, defs)
        assert made_anew == TILES

    def test_new_candidate(self, platform: Platform, defs: dg.Definitions) -> None:
        """Its asset is missing in the graph that is asked; what compares it is outdated."""
        new = replace(CANDIDATES[0], name="second_xgboost")
        made_anew = self.outdated_by("CANDIDATES", (*CANDIDATES, new), platform, defs)
        assert made_anew == {keys.CHURN_LEADERBOARD} | LATER

    def test_changed_parameter_of_trials(self, platform: Platform, defs: dg.Definitions) -> None:
        """What the trials of a search have decides which parameters the candidate gets."""
        name = "random_forest"
        changed = tuple(
            replace(item, trial_params={"n_estimators": 60}) if item.name == name else item
            for item in CANDIDATES
        )
        made_anew = self.outdated_by("CANDIDATES", changed, platform, defs)
        assert made_anew == {keys.churn_candidate(name), keys.CHURN_LEADERBOARD} | LATER

    def test_changed_limit_of_a_segment(self, platform: Platform, defs: dg.Definitions) -> None:
        lower = of_settings(platform, high_revenue=500.0)
        after = {keys.CHURN_SCORES, keys.ONLINE_FEATURES, keys.CHAMPION_DEPLOYMENT}
        assert outdated(platform, lower, defs) == SEGMENTS | after

    def test_changed_code(self, platform: Platform, defs: dg.Definitions) -> None:
        made_anew = self.outdated_by(
            "CODE", asset_definitions.CODE | {"decisions": 0}, platform, defs
        )
        assert made_anew == {keys.CHURN_SCORES}


def test_changed_contract_column_reads_its_table_anew(
    platform: Platform, defs: dg.Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contract_of(platform)
    table = TABLES["support_tickets"]
    columns = tuple(
        replace(column, type="bigint") if column.name == "satisfaction" else column
        for column in table.columns
    )
    monkeypatch.setitem(TABLES, "support_tickets", replace(table, columns=columns))
    changes = compare(before, contract_of(platform))
    names = {key.to_user_string() for key in outdated_assets(changes, defs)}
    assert names == table_and_watermark("support_tickets") | TILES


def test_new_table_makes_what_it_fills_outdated(platform: Platform, defs: dg.Definitions) -> None:
    tables = platform.profile.model_dump()["tables"]
    fewer = {name: table for name, table in tables.items() if name != "support_tickets"}
    before = of_profile(platform, tables=fewer)
    made_anew = outdated(before, platform, defs)
    assert made_anew >= table_and_watermark("support_tickets") | {BEHAVIOR} | EXAMPLES
    assert keys.raw("transactions") not in made_anew


def test_automation_waits_until_a_change_is_carried_through(tmp_path: Path) -> None:
    platform = Platform.of(Settings(home=tmp_path, source="simulated"))
    assert changes_of(platform) == []
    claim(platform)
    changed = of_settings(platform, gap_days=21)
    assert changes_of(platform) == []
    assert changes_of(changed) == [Change(keys.CHURN_EXAMPLES, "gap_days", "14", "21")]
    reason = reason_to_wait(changed)
    assert reason is not None
    assert "training/churn_examples: gap_days 14 -> 21" in reason
    assert "Fix: Run `retention run`" in reason
    claim(changed)
    assert reason_to_wait(changed) is not None
    record_contract(tmp_path, contract_of(changed))
    assert reason_to_wait(changed) is None


def test_end_of_the_source_is_not_in_the_contract(platform: Platform) -> None:
    longer = of_profile(platform, end=date(2026, 1, 1))
    assert contract_of(longer) == contract_of(platform)
