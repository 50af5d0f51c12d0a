"""Loads the source profile that the settings name, and has it checked. No Spark; of the source's
files only headers are read.

Errors name the profile, the table, the column and the fix.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from retention_assets.errors import ProfileError
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.home_source import with_home_source
from retention_assets.sources.ledger import Ledger
from retention_assets.sources.profile import SIMULATED, Profile
from retention_assets.sources.profile_checks import check_against_contracts, check_files

BUILT_IN = Path(__file__).parent / "built_in"
LANDED = "landed"  # below the folder of the stream


def load_profile(settings: Settings) -> Profile:
    """The checked profile that the settings name: a built-in one, or a YAML file; without a name,
    the home's, else the embedded one. Raises ProfileError.
    """
    profile = read_profile(settings)
    check_against_contracts(profile)
    if not (profile.is_simulated and not profile.root.exists()):
        check_files(profile, Ledger(settings.lake_root))
    return profile


def read_profile(settings: Settings) -> Profile:
    """The same profile before it is checked. Raises ProfileError if the file is not a profile."""
    settings = with_home_source(settings)
    file = _profile_file(settings.source or SIMULATED)
    profile = _parse(file, _with_defaults(_read_yaml(file)))
    root = _data_folder(profile, file, settings)
    profile = profile.model_copy(update={"root": root, "landed": settings.stream_dir / LANDED})
    if profile.is_simulated and profile.end is None and profile.stream is None:
        last_day = profile.start + timedelta(days=settings.simulated_days - 1)
        profile = profile.model_copy(update={"end": last_day})
    return profile


def _profile_file(source: str) -> Path:
    built_in = BUILT_IN / f"{source}.yaml"
    if built_in.exists():
        return built_in
    file = Path(source).expanduser()
    if not file.is_file():
        names = ", ".join(sorted(known.stem for known in BUILT_IN.glob("*.yaml")))
        raise ProfileError(
            f"There is no source profile {source}.",
            f"Name one of {names}, or the path of a YAML file.",
        )
    return file.resolve()


def _read_yaml(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise ProfileError(
            f"Profile {file.stem}: the file is not YAML: {error}", f"Correct {file}."
        ) from error
    if not isinstance(content, dict) or "root" in content:
        raise ProfileError(
            f"Profile {file.stem}: not a mapping of the profile's fields.",
            f"See {BUILT_IN} for examples.",
        )
    return {"name": file.stem} | content


def _with_defaults(content: dict[str, Any]) -> dict[str, Any]:
    """Fills in what a table leaves out because its files have the canonical columns already."""
    tables = content.get("tables")
    if not isinstance(tables, dict):
        return content
    return content | {
        "tables": {name: _with_canonical_columns(name, table) for name, table in tables.items()}
    }


def _with_canonical_columns(name: str, table: Any) -> Any:
    if name not in TABLES or not isinstance(table, dict) or table.get("columns"):
        return table
    contract = TABLES[name]
    columns = table.get("source_columns")
    may_lack = [] if columns else [item.name for item in contract.columns if not item.required]
    declared = columns or {item.name: item.type for item in contract.columns}
    mapping = {column: f"`{column}`" for column in contract.column_names if column in declared}
    return table | {"source_columns": declared, "columns": mapping, "may_lack": may_lack}


def _parse(file: Path, content: dict[str, Any]) -> Profile:
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ProfileError(
            f"Profile {file.stem}: {faults}.", f"Correct these fields in {file}."
        ) from error


def _data_folder(profile: Profile, file: Path, settings: Settings) -> Path:
    """The profile's `data_dir`, below RETENTION_DATA_DIR if that is set, else below the profile's
    own folder.
    """
    if profile.is_simulated:
        return settings.simulated_dir
    base = settings.data_dir
    if base is None and file.parent == BUILT_IN:
        raise ProfileError(
            f"Profile {profile.name}: its data folder is not known.",
            "Set RETENTION_DATA_DIR to the folder that holds the data.",
        )
    return ((base or file.parent) / Path(profile.data_dir).expanduser()).resolve()
