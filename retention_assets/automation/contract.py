"""The home's contract: the definitions by which its assets were made, and what a change leads to.

It is written to the home once the assets are made by it. Until a changed one is carried through by
`retention run`, automation waits, and the lake refuses to mix two definitions in a table.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from retention_assets import keys
from retention_assets.automation.asset_definitions import Contract, contract_of
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.sources.home_source import claim_home
from retention_assets.sources.ledger import digest_of

FILE = "contract.json"
CHANGES_SHOWN = 5


@dataclass(frozen=True)
class Change:
    """One difference between two definitions of an asset; None: not there."""

    asset: str
    about: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.asset}: {self.about} {self.before or 'none'} -> {self.after or 'none'}"


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


def first_lines(changes: Sequence[object]) -> list[str]:
    """The first changes as text, and how many more there are."""
    lines = [str(change) for change in changes[:CHANGES_SHOWN]]
    more = len(changes) - CHANGES_SHOWN
    return [*lines, f"{more:,} more"] if more > 0 else lines


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
