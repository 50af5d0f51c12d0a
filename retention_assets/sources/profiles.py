"""Source profiles: YAML that maps somebody's files to the canonical tables. Loaded and checked without Spark.

A profile says where files lie, what their columns are, and how canonical columns come from them. What is wrong with
it is said at load: profile, table, column, fix.
"""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from retention_assets.errors import ProfileError
from retention_assets.settings import Settings
from retention_assets.sources.contracts import TABLES

BUILT_IN = Path(__file__).parent / "built_in"
SIMULATED = "simulated"
Format = Literal["csv", "parquet", "json", "delta"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Churn(_Strict):
    """What churn is in a source. `column`: the label's column where the source brings the label itself."""

    kind: Literal["cancellation", "inactivity", "label"]
    horizon_days: int = Field(default=90, ge=1)
    reporting_lag_days: int = Field(default=7, ge=0)
    active_within_days: int | None = Field(default=None, ge=1)
    column: str | None = None


class TableSource(_Strict):
    """Where one canonical table comes from.

    `path`: glob below the data folder. `day_from_filename`: regular expression whose group is the day on which a file
    arrived. `source_columns`: Spark types by column of the file; `columns`: SQL over them by canonical column. Both
    left out: the files have the canonical columns already. `derive: first_seen` keeps each customer's first row.
    """

    path: str
    format: Format = "parquet"
    day_from_filename: str | None = None
    source_columns: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    where: str | None = None
    derive: Literal["first_seen"] | None = None


class Profile(_Strict):
    """One source. `live`: its newest day should be yesterday; otherwise it is history that ends where it ends."""

    name: str
    description: str = ""
    start: date
    end: date | None = None
    live: bool = False
    data_dir: str = "."
    churn: Churn
    max_quarantined_share: float | None = Field(default=None, ge=0, le=1)
    tables: dict[str, TableSource]
    root: Path = Path()

    def has(self, table: str) -> bool:
        return table in self.tables

    @cached_property
    def is_simulated(self) -> bool:
        """Whether its files are made by the embedded simulator, at the latest when they are first read."""
        return self.name == SIMULATED


def load_profile(settings: Settings) -> Profile:
    """The profile that `settings.source` names: a built-in one, or a YAML file. Raises ProfileError."""
    from retention_assets.sources.profile_checks import check_against_contracts, check_files

    file = _file_of(settings.source)
    profile = _parse(file, _with_defaults(_read_yaml(file)))
    profile = profile.model_copy(update={"root": _root(profile, file, settings)})
    check_against_contracts(profile)
    if not (profile.is_simulated and not profile.root.exists()):
        check_files(profile)
    return profile


def _file_of(source: str) -> Path:
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
            f"Profile {file.stem}: the file is not YAML: {error}", f"Mend {file}."
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
    return content | {"tables": {name: _canonical(name, table) for name, table in tables.items()}}


def _canonical(name: str, table: Any) -> Any:
    if name not in TABLES or not isinstance(table, dict) or table.get("columns"):
        return table
    declared = table.get("source_columns") or {
        column.name: column.type for column in TABLES[name].columns
    }
    own = {column: f"`{column}`" for column in TABLES[name].column_names if column in declared}
    return table | {"source_columns": declared, "columns": own}


def _parse(file: Path, content: dict[str, Any]) -> Profile:
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
        raise ProfileError(
            f"Profile {file.stem}: {faults}.", f"Mend these fields in {file}."
        ) from error


def _root(profile: Profile, file: Path, settings: Settings) -> Path:
    """The data folder: below RETENTION_DATA_DIR where that is set, else below the profile's own folder."""
    if profile.is_simulated:
        return settings.simulated_dir
    below = settings.data_dir
    if below is None and file.parent == BUILT_IN:
        raise ProfileError(
            f"Profile {profile.name}: its data folder is not known.",
            "Set RETENTION_DATA_DIR to where the data lies.",
        )
    return ((below or file.parent) / Path(profile.data_dir).expanduser()).resolve()
