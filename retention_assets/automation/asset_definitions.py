"""What decides an asset's content: mapping, rules, measures, features, label, settings, code.

Data in, data out. contract.py says what follows from a change of it.
"""

from collections.abc import Iterable, Mapping
from typing import TypeAlias, get_args

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES
from retention_assets.features.feature import Feature, Group
from retention_assets.features.measures import available_measures
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.monitoring.catalog.rows import left_out_because
from retention_assets.platform import Platform
from retention_assets.settings import (
    EconomicsSettings,
    MonitoringSettings,
    Settings,
    SettingsGroup,
    operational_fields,
)
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import definition_of_reading
from retention_assets.sources.profile import CHURN_TABLE, Profile
from retention_assets.training.task import churn_task, churn_window
from retention_assets.validation.rules import rules_of
from retention_assets.value.segments import segment_version, source_segments

# Goes up when the code of a stage gives other results from the same inputs.
CODE = {
    "raw": 1,
    "validated": 2,
    "quarantine": 2,
    "features": 1,
    "value": 2,
    "training": 6,
    "decisions": 4,
    "serving": 3,
    "monitoring": 2,
}

Definition: TypeAlias = Mapping[str, str]  # what it is about -> its value
Contract: TypeAlias = Mapping[str, Definition]  # asset key -> its definition


def contract_of(platform: Platform) -> Contract:
    """The definitions of all assets of a source."""
    profile = platform.profile
    features = available_features(FEATURES, profile.tables)
    tables = [name for name in TABLES if profile.has(name)]
    definitions: dict[str, Definition] = {
        **{keys.raw(name): definition_of_reading(profile, name) for name in tables},
        **{key: _rules(platform, name) for name in tables for key in _checked_tables(name)},
        **{
            keys.customer_features(group): _features(of_group)
            for group in get_args(Group)
            if (of_group := [feature for feature in features if feature.group == group])
        },
        keys.SOURCE_FILES: {},
        keys.WATERMARK: {"labels are read from": CHURN_TABLE[profile.churn.kind]},
        keys.DAILY_ACTIVITY: _measures(profile),
        keys.CUSTOMER_STATE: _states(profile),
        keys.FEATURE_CATALOG: _catalog(profile),
        **({keys.LIFETIME_VALUE: _lifetime_value(platform)} if "transactions" in tables else {}),
        keys.CUSTOMER_SEGMENTS: _segments(platform),
        **_training(platform),
        keys.CHURN_SCORES: _contact(platform.settings),
        keys.ONLINE_FEATURES: {"feature_ttl_days": str(platform.settings.feature_ttl_days)},
        keys.CHAMPION_DEPLOYMENT: {},
        **({keys.STREAM: {}} if profile.stream else {}),
        **_monitoring(platform.settings),
    }
    return {
        key: {"code": str(CODE[key.split("/")[0]]), **definition}
        for key, definition in definitions.items()
    }


def _checked_tables(name: str) -> tuple[str, str]:
    return keys.validated(name), keys.quarantine(name)


def _rules(platform: Platform, name: str) -> Definition:
    table = TABLES[name]
    profile = platform.profile
    share = profile.allowed_quarantined_share(platform.settings.max_quarantined_share)
    changed_files = profile.tables[name].changed_files
    return {
        **({"changed_files": changed_files} if changed_files else {}),
        "key": ", ".join(table.key),
        "max_quarantined_share": str(share),
        **{f"rule {rule.name}": rule.broken for rule in rules_of(table, profile.start)},
    }


def _measures(profile: Profile) -> Definition:
    return {
        f"measure {measure.name}": f"{measure.kind} of {measure.value} where {measure.where}"
        for measure in available_measures(profile.tables)
    }


def _states(profile: Profile) -> Definition:
    churn = profile.churn
    silence = {"days_to_lapse": str(churn.days_to_lapse)} if churn.kind == "inactivity" else {}
    return {"churn kind": churn.kind, "tables": ", ".join(profile.state_tables), **silence}


def _lifetime_value(platform: Platform) -> Definition:
    names = ("margin_share", "annual_discount", "lifetime_months", "seed")
    values = {name: str(getattr(platform.settings, name)) for name in names}
    return {"churn kind": platform.profile.churn.kind, **values}


def _contact(settings: Settings) -> Definition:
    return {name: str(getattr(settings, name)) for name in ("contact_cost", "save_rate")}


def _segments(platform: Platform) -> Definition:
    """Their places too: the first rule that holds decides."""
    segments = source_segments(platform.profile.tables, platform.settings.high_revenue)
    return {
        "segment_version": segment_version(segments),
        **{
            f"segment {place:02} {segment.name}": segment.rule
            for place, segment in enumerate(segments, start=1)
        },
    }


def _features(features: Iterable[Feature]) -> Definition:
    return {f"feature {feature.name}": str(feature.expression) for feature in features}


def _catalog(profile: Profile) -> Definition:
    return {
        f"feature {feature.name}": left_out_because(feature, profile.tables) or "models read it"
        for feature in FEATURES
    } | {f"meaning of {feature.name}": feature.meaning for feature in FEATURES}


def _training(platform: Platform) -> Contract:
    settings = platform.settings
    profile = platform.profile
    features = available_features(FEATURES, profile.tables)
    economics = _values(settings, EconomicsSettings)
    names = ("test_weeks", "folds", "search_trials", "search_rows", "seed")
    split = {name: str(getattr(settings, name)) for name in names}
    candidates = {
        keys.churn_candidate(item.name): {
            **{name: str(value) for name, value in item.params.items()},
            **{f"search {name}": str(tried) for name, tried in item.space.items()},
            **{f"trial {name}": str(value) for name, value in item.trial_params.items()},
            **split,
            **economics,
        }
        for item in CANDIDATES
    }
    compared = {
        "candidates": ", ".join(item.name for item in CANDIDATES),
        "bootstrap_rounds": str(settings.bootstrap_rounds),
        **economics,
    }
    gates = ", ".join(gate.name for gate in churn_task(settings, profile).gates)
    return {
        keys.CHURN_EXAMPLES: {
            **{f"churn {name}": str(value) for name, value in profile.churn if value is not None},
            "gap_days": str(churn_window(settings, profile).gap_days),
            "min_history_days": str(settings.min_history_days),
            **_features(feature for feature in features if feature.is_model_input),
        },
        **candidates,
        keys.CHURN_LEADERBOARD: compared,
        keys.CHURN_CHAMPION: {
            **compared,
            "gates": gates,
            "calibration_tolerance": str(settings.calibration_tolerance),
            "max_predict_ratio": str(settings.max_predict_ratio),
        },
        keys.TEST_PERIODS: {},
    }


def _monitoring(settings: Settings) -> Contract:
    values = _values(settings, MonitoringSettings)
    is_retraining = {name: name.startswith("retrain_") for name in values}
    return {
        keys.FEATURE_DRIFT: {name: values[name] for name in values if not is_retraining[name]},
        keys.RETRAINING_DECISION: {
            **{name: values[name] for name in values if is_retraining[name]},
            "test_weeks": str(settings.test_weeks),
        },
    }


def _values(settings: Settings, group: type[SettingsGroup]) -> Definition:
    names = [name for name in group.model_fields if name not in operational_fields()]
    return {name: str(getattr(settings, name)) for name in names}
