"""Checks of a profile at load: against the canonical contracts, and against the files' own headers. No Spark."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from retention_assets.errors import ProfileError, SchemaChangedError
from retention_assets.sources.source_files import SourceFile, source_files
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.expressions import names_in
from retention_assets.sources.headers import TYPES, header_of, normal_type, readable_as

if TYPE_CHECKING:
    from retention_assets.sources.profile import Profile, TableSource

# The table that tells who churned, by the profile's kind of churn.
CHURN_TABLE = {"cancellation": "churn_events", "inactivity": "transactions"}


def check_against_contracts(profile: "Profile") -> None:
    """Tables, columns, types and expressions that cannot be right, whatever the files hold."""
    if profile.churn.kind not in CHURN_TABLE:
        raise ProfileError(
            f"Profile {profile.name}: churn by {profile.churn.kind} has no as-of weeks, so that no model can be trained on it.",
            f"Set churn.kind to {' or '.join(CHURN_TABLE)}.",
        )
    for name, table in profile.tables.items():
        if name not in TABLES:
            raise ProfileError(
                f"Profile {profile.name}: unknown table {name}.",
                f"Name one of {', '.join(TABLES)}.",
            )
        _check_columns(profile, name, table)
        _check_types(profile, name, table)
        for column, sql in [
            *table.columns.items(),
            *([("where", table.where)] if table.where else []),
        ]:
            _check_names(profile, name, column, sql, table)
        _check_day_pattern(profile, name, table)
    needed = {"customers", CHURN_TABLE[profile.churn.kind]}
    if missing := sorted(needed - set(profile.tables)):
        raise ProfileError(
            f"Profile {profile.name}: churn by {profile.churn.kind} needs the table {missing[0]}.",
            f"Declare tables.{missing[0]}.",
        )


def _check_columns(profile: "Profile", name: str, table: "TableSource") -> None:
    contract = {column.name: column for column in TABLES[name].columns}
    for column in table.columns:
        if column not in contract:
            raise ProfileError(
                f"Profile {profile.name}, table {name}: unknown canonical column {column}.",
                f"Name some of {', '.join(contract)}.",
            )
    for column in contract.values():
        # A source that does not say when a row arrived learned of it when it happened.
        if column.required and column.name not in table.columns and column.name != "ingested_ts":
            raise ProfileError(
                f"Profile {profile.name}, table {name}: required column {column.name} is missing ({column.meaning})",
                f"Give tables.{name}.columns.{column.name} an expression over the source's columns.",
            )


def _check_types(profile: "Profile", name: str, table: "TableSource") -> None:
    for column, kind in table.source_columns.items():
        if (
            not re.fullmatch(r"decimal\(\d+,\d+\)", normal_type(kind))
            and normal_type(kind) not in TYPES
        ):
            raise ProfileError(
                f"Profile {profile.name}, table {name}, column {column}: {kind} is no type.",
                f"Use one of {', '.join(TYPES)}.",
            )


def _check_names(
    profile: "Profile", name: str, column: str, sql: str, table: "TableSource"
) -> None:
    declared = {known.lower() for known in table.source_columns}
    if unknown := sorted(found for found in names_in(sql) if found.lower() not in declared):
        raise ProfileError(
            f"Profile {profile.name}, table {name}, column {column}: `{sql}` names {unknown[0]}, which is not declared.",
            f"Add {unknown[0]} to tables.{name}.source_columns, or use one of {', '.join(table.source_columns)}.",
        )


def _check_day_pattern(profile: "Profile", name: str, table: "TableSource") -> None:
    if table.day_from_filename is None:
        return
    try:
        groups = re.compile(table.day_from_filename).groups
    except re.error as error:
        groups, why = 0, f" ({error})"
    else:
        why = ""
    if groups != 1:
        raise ProfileError(
            f"Profile {profile.name}, table {name}: day_from_filename is not an expression with one group{why}.",
            r"Write it like '(\d{4}-\d{2}-\d{2})\.csv'.",
        )


def check_files(profile: "Profile") -> None:
    """Folder and files are there, and the first and the latest file of each table have the declared columns."""
    if not profile.root.is_dir():
        raise ProfileError(
            f"Profile {profile.name}: its data folder {profile.root} does not exist.",
            "Mend data_dir, or set RETENTION_DATA_DIR.",
        )
    files = source_files(profile)
    for name, table in profile.tables.items():
        own = [file for file in files if file.table == name]
        if not own:
            raise ProfileError(
                f"Profile {profile.name}, table {name}: no file matches {table.path} in {profile.root}.",
                f"Mend tables.{name}.path, or leave the table out if the source has none.",
            )
        check_headers(profile, name, {own[0].path: own[0], own[-1].path: own[-1]}.values())


def check_headers(
    profile: "Profile", name: str, files: Iterable[SourceFile]
) -> dict[SourceFile, tuple[tuple[str, str], ...]]:
    """Columns and types of each file. Raises SchemaChangedError where a declared one is missing or of another type."""
    table = profile.tables[name]
    found = {}
    for file in files:
        header = header_of(file.path, table.format)
        found[file] = header
        faults = _faults(dict(header), table) if header else []
        if faults:
            raise SchemaChangedError(
                f"Profile {profile.name}, table {name}, file {file.path.name}: {'; '.join(faults)}.",
                f"Mend tables.{name}.source_columns, or have the source send what it declares.",
            )
    return found


def _faults(header: dict[str, str], table: "TableSource") -> list[str]:
    actual = {column.lower(): kind for column, kind in header.items()}
    faults = []
    for column, kind in table.source_columns.items():
        if column.lower() not in actual:
            faults.append(f"column {column} is missing (the file has {', '.join(header)})")
        elif not readable_as(actual[column.lower()], kind, table.format):
            faults.append(f"column {column} is {actual[column.lower()]}, declared {kind}")
    return faults
