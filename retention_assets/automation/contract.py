"""The home's contract: what decides the content of each asset, and what a change of it leads to.

It is written to the home once the assets are made by it. Until a changed one is carried through by
`retention run`, automation waits, and the lake refuses to mix two definitions in a table.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, get_args

import dagster as dg

from retention_assets import keys
from retention_assets.features.availability import available_features
from retention_assets.features.declarations import FEATURES, Feature, Group
from retention_assets.features.measures import available_measures
from retention_assets.modeling.candidates.declared import CANDIDATES
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.settings import (
    EconomicsSettings,
    MonitoringSettings,
    Settings,
    SettingsGroup,
    operational_fields,
)
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.home_source import claim_home
from retention_assets.sources.ledger import definition_of_reading, digest_of
from retention_assets.sources.profile import Profile
from retention_assets.training.task import churn_task, churn_window
from retention_assets.validation.rules import rules_of

FILE = "contract.json"
# Goes up when the code of a stage gives other results from the same inputs.
CODE = {
    "raw": 1,
    "validated": 1,
    "quarantine": 1,
    "features": 1,
    "training": 1,
    "decisions": 1,
    "serving": 1,
    "monitoring": 1,
}

Definition: TypeAlias = Mapping[str, str]  # what it is about -> its value
Contract: TypeAlias = Mapping[str, Definition]  # asset key -> its definition


@dataclass(frozen=True)
class Change:
    """One difference between two definitions of an asset; None: not there."""

    asset: str
    about: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.asset}: {self.about} {self.before or 'none'} -> {self.after or 'none'}"


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
        keys.WATERMARK: {},
        keys.DAILY_ACTIVITY: _measures(profile),
        **_training(platform),
        keys.CHURN_SCORES: {},
        keys.ONLINE_FEATURES: {"feature_ttl_days": str(platform.settings.feature_ttl_days)},
        keys.CHAMPION_DEPLOYMENT: {},
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
    return {
        "key": ", ".join(table.key),
        "max_quarantined_share": str(share),
        **{f"rule {rule.name}": rule.broken for rule in rules_of(table, profile.start)},
    }


def _measures(profile: Profile) -> Definition:
    return {
        f"measure {measure.name}": f"{measure.kind} of {measure.value} where {measure.where}"
        for measure in available_measures(profile.tables)
    }


def _features(features: Iterable[Feature]) -> Definition:
    return {f"feature {feature.name}": str(feature.expression) for feature in features}


def _training(platform: Platform) -> Contract:
    settings = platform.settings
    profile = platform.profile
    window = churn_window(settings, profile)
    features = available_features(FEATURES, profile.tables)
    economics = _values(settings, EconomicsSettings)
    split = {name: str(getattr(settings, name)) for name in ("test_weeks", "folds", "seed")}
    candidates = {
        keys.churn_candidate(item.name): {
            **{name: str(value) for name, value in item.params.items()},
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
            "churn": profile.churn.kind,
            "gap_days": str(window.gap_days),
            "horizon_days": str(window.horizon_days),
            "reporting_lag_days": str(window.reporting_lag_days),
            "min_history_days": str(settings.min_history_days),
            **_features(feature for feature in features if feature.model_input),
        },
        **candidates,
        keys.CHURN_LEADERBOARD: compared,
        keys.CHURN_CHAMPION: {
            **compared,
            "gates": gates,
            "max_predict_ms": str(settings.max_predict_ms),
        },
    }


def _monitoring(settings: Settings) -> Contract:
    values = _values(settings, MonitoringSettings)
    is_retraining = {name: name.startswith("retrain_") for name in values}
    return {
        keys.FEATURE_DRIFT: {name: values[name] for name in values if not is_retraining[name]},
        keys.RETRAINING_DECISION: {name: values[name] for name in values if is_retraining[name]},
    }


def _values(settings: Settings, group: type[SettingsGroup]) -> Definition:
    names = [name for name in group.model_fields if name not in operational_fields()]
    return {name: str(getattr(settings, name)) for name in names}


def digests(contract: Contract) -> dict[str, str]:
    """Asset key -> 16 hexadecimal digits that change with its definition."""
    return {
        key: digest_of(f"{about}={value}" for about, value in sorted(definition.items()))
        for key, definition in contract.items()
    }


def with_code_versions(
    assets: Sequence[dg.AssetsDefinition], contract: Contract
) -> list[dg.AssetsDefinition]:
    """The assets with their digests, by which Dagster shows what is made by another definition."""
    versions = {asset_key(key): digest for key, digest in digests(contract).items()}

    def attach(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(code_version=versions[spec.key])

    return [asset.map_asset_specs(attach) for asset in assets]


def home_contract(home: Path) -> Contract | None:
    """The contract by which the home's assets were made; None if there is none yet."""
    file = home / FILE
    return json.loads(file.read_text()) if file.exists() else None


def record_contract(home: Path, contract: Contract) -> None:
    """Writes down that the home's assets are made by this contract."""
    draft = home / f"{FILE}.draft"
    draft.write_text(json.dumps(contract, indent=2))
    draft.replace(home / FILE)


def claim(platform: Platform) -> None:
    """Writes down that the home belongs to this source, and that its assets are made by this
    contract, unless another is carried out there.

    Raises SetupError if the home belongs to another source.
    """
    claim_home(platform.settings, platform.profile)
    if home_contract(platform.settings.home) is None:
        record_contract(platform.settings.home, contract_of(platform))


def changes_of(platform: Platform) -> list[Change]:
    """How the code location differs from the contract that its home has recorded."""
    before = home_contract(platform.settings.home)
    return compare(before, contract_of(platform)) if before else []


def compare(before: Contract, after: Contract) -> list[Change]:
    """Every difference, also of assets that one of the two lacks."""
    changes = []
    for key in sorted({*before, *after}):
        old = before.get(key, {})
        new = after.get(key, {})
        changes += [
            Change(key, about, old.get(about), new.get(about))
            for about in sorted({*old, *new})
            if old.get(about) != new.get(about)
        ]
    return changes


def reason_to_wait(platform: Platform) -> str | None:
    """Why automation must not add to the home's tables, if so."""
    changes = changes_of(platform)
    if not changes:
        return None
    more = f" and {len(changes) - 1:,} more" if len(changes) > 1 else ""
    return (
        f"The contract of the home has changed ({changes[0]}{more}). Fix: Run `retention run`: it "
        "makes anew what follows from that."
    )


def outdated_assets(changes: Iterable[Change], defs: dg.Definitions) -> set[dg.AssetKey]:
    """The assets of changed definitions and all that is made from them.

    Assets that only ask the watermark for its day are left out: another day means new data.
    """
    graph = defs.resolve_asset_graph()
    outdated = {asset_key(change.asset) for change in changes} & graph.get_all_asset_keys()
    reached = list(outdated)
    while reached:
        children = graph.get(reached.pop()).child_keys - outdated
        outdated |= children
        reached += [key for key in children if key != asset_key(keys.WATERMARK)]
    return outdated
