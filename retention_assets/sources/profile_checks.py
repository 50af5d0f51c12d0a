"""Checks of a profile: against the canonical contracts, and against the headers of the source's
files. No Spark.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from retention_assets.errors import ProfileError, SchemaChangedError, UnreadableFileError
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.expressions import names_in
from retention_assets.sources.headers import (
    TYPES,
    Header,
    header_of,
    normal_type,
    readable_as,
    separator_of,
)
from retention_assets.sources.ledger import Ledger
from retention_assets.sources.profile import CHURN_TABLE, Profile, StreamSource, TableSource
from retention_assets.sources.source_files import SourceFile, is_within, present_files


def check_against_contracts(profile: Profile) -> None:
    """Raises ProfileError for tables, columns, types and expressions that no file could satisfy."""
    for name in profile.tables:
        check_table_mapping(profile, name)
    check_churn(profile)
    if profile.stream is not None:
        check_stream(profile, profile.stream)


def check_stream(profile: Profile, stream: StreamSource) -> None:
    """Raises ProfileError if the stream names a table that it cannot deliver."""
    for name in stream.tables:
        table = profile.tables.get(name)
        if table is None:
            raise ProfileError(
                f"Profile {profile.name}: stream.tables names {name}, which is no table of it.",
                f"Name some of {', '.join(profile.tables)}, or declare tables.{name}.",
            )
        if table.derive or table.replaces:
            raise ProfileError(
                f"Profile {profile.name}: table {name} cannot be streamed, because it has "
                f"{'derive' if table.derive else 'changed_files'}.",
                f"Leave {name} out of stream.tables.",
            )
    _check_day_pattern(profile, "stream.day_from_filename", stream.day_from_filename)
    if Path(stream.path).is_absolute():
        raise ProfileError(
            f"Profile {profile.name}: stream.path {stream.path} is absolute.",
            "Write it relative to the profile's data_dir.",
        )


def check_churn(profile: Profile) -> None:
    """Raises ProfileError if a table is missing that the profile's kind of churn needs."""
    for name in ("customers", CHURN_TABLE[profile.churn.kind]):
        if not profile.has(name):
            raise ProfileError(
                f"Profile {profile.name}: churn by {profile.churn.kind} needs the table {name}.",
                f"Declare tables.{name} with the columns {', '.join(_required_columns(name))}.",
            )


def check_table_mapping(profile: Profile, name: str) -> None:
    """Raises ProfileError if one table's columns, types or expressions break its contract."""
    if name not in TABLES:
        raise ProfileError(
            f"Profile {profile.name}: unknown table {name}.", f"Name one of {', '.join(TABLES)}."
        )
    table = profile.tables[name]
    _check_columns(profile, name, table)
    _check_types(profile, name, table)
    conditions = {"where": table.where} if table.where else {}
    for column, sql in (table.columns | conditions).items():
        _check_names(profile, table_name=name, column=column, sql=sql)
    if table.day_from_filename is not None:
        place = f"table {name}: day_from_filename"
        _check_day_pattern(profile, place, table.day_from_filename)


def check_files(profile: Profile, ledger: Ledger) -> None:
    """Raises ProfileError unless the data folder exists, each table has files or had some that were
    read, and the first and the last file of each table have the declared columns.
    """
    check_data_folder(profile)
    for name in profile.tables:
        try:
            files = files_of_table(profile, name)
        except ProfileError:
            if name not in {table for table, _ in ledger.content().read}:
                raise
            continue
        for file in dict.fromkeys((files[0], files[-1])):
            with suppress(UnreadableFileError):  # it may still be being written: the ledger says so
                check_headers(profile, name, [file])


def check_data_folder(profile: Profile) -> None:
    """Raises ProfileError if there is no data folder."""
    if not profile.root.is_dir():
        raise ProfileError(
            f"Profile {profile.name}: its data folder {profile.root} does not exist.",
            "Correct data_dir, or set RETENTION_DATA_DIR.",
        )


def files_of_table(profile: Profile, name: str) -> list[SourceFile]:
    """The table's files between the profile's start and end. Raises ProfileError if it has none."""
    files = [file for file in present_files(profile, name) if is_within(profile, file)]
    if not files:
        table = profile.tables[name]
        paths = " or ".join(path for path in (table.path, table.undated_path) if path)
        raise ProfileError(
            f"Profile {profile.name}, table {name}: no file matches {paths} in {profile.root}.",
            f"Correct tables.{name}.path, or leave the table out if the source has none.",
        )
    return files


def check_headers(
    profile: Profile, name: str, files: Iterable[SourceFile]
) -> dict[SourceFile, Header]:
    """Columns and types of each file of table `name`.

    Raises SchemaChangedError if a declared column is missing or has another type.
    """
    table = profile.tables[name]
    headers = {}
    for file in files:
        if profile.is_landed(file.path):
            headers[file] = ()  # lines of JSON, written by the platform itself
            continue
        header = header_of(file.path, table.format, table.options)
        headers[file] = header
        faults = _header_faults(header, table) if header else []
        if faults and table.format == "csv":
            _check_separator(profile, name, file)
        if faults:
            raise SchemaChangedError(
                f"Profile {profile.name}, table {name}, file {file.path.name}: "
                f"{'; '.join(faults)}.",
                f"Correct tables.{name}.source_columns, or have the source send what it declares.",
            )
    return headers


def _check_columns(profile: Profile, name: str, table: TableSource) -> None:
    contract = {column.name: column for column in TABLES[name].columns}
    for column in table.columns:
        if column not in contract:
            raise ProfileError(
                f"Profile {profile.name}, table {name}: unknown canonical column {column}.",
                f"Name some of {', '.join(contract)}.",
            )
    for column in _required_columns(name):
        if column not in table.columns:
            raise ProfileError(
                f"Profile {profile.name}, table {name}: required column {column} is missing "
                f"({contract[column].meaning})",
                f"Set tables.{name}.columns.{column} to an expression over the source's columns.",
            )


def _required_columns(name: str) -> list[str]:
    """Columns that a source must state. A row without an arrival time counts as known from the
    moment it happened."""
    return [
        column.name
        for column in TABLES[name].columns
        if column.required and column.name != "ingested_ts"
    ]


def _check_types(profile: Profile, name: str, table: TableSource) -> None:
    for column, kind in table.source_columns.items():
        is_decimal = re.fullmatch(r"decimal\(\d+,\d+\)", normal_type(kind))
        if not is_decimal and normal_type(kind) not in TYPES:
            raise ProfileError(
                f"Profile {profile.name}, table {name}, column {column}: {kind} is not a type.",
                f"Use one of {', '.join(TYPES)}.",
            )


def _check_names(profile: Profile, *, table_name: str, column: str, sql: str) -> None:
    source_columns = profile.tables[table_name].source_columns
    declared = {name.lower() for name in source_columns}
    if unknown := sorted(name for name in names_in(sql) if name.lower() not in declared):
        raise ProfileError(
            f"Profile {profile.name}, table {table_name}, column {column}: `{sql}` names "
            f"{unknown[0]}, which is not declared.",
            f"Add {unknown[0]} to tables.{table_name}.source_columns, or use one of "
            f"{', '.join(source_columns)}.",
        )


def _check_day_pattern(profile: Profile, place: str, pattern: str) -> None:
    reason = ""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        groups = 0
        reason = f" ({error})"
    if groups != 1:
        raise ProfileError(
            f"Profile {profile.name}, {place} is not a regular expression with one group{reason}.",
            r"Write it like '(\d{4}-\d{2}-\d{2})\.csv'.",
        )


def _check_separator(profile: Profile, name: str, file: SourceFile) -> None:
    table = profile.tables[name]
    if separator := separator_of(file.path, table.options, table.source_columns):
        raise SchemaChangedError(
            f"Profile {profile.name}, table {name}, file {file.path.name}: its fields are "
            f"separated by {separator!r}, not by {table.options.delimiter!r}.",
            f"Set tables.{name}.options.delimiter to {separator!r}, and options.decimal if its "
            "numbers have another decimal mark.",
        )


def _header_faults(header: Header, table: TableSource) -> list[str]:
    names = [column.lower() for column, _ in header]
    actual = {column.lower(): kind for column, kind in header}
    # A column of another name may be a misspelled one.
    undeclared = set(actual) - {column.lower() for column in table.source_columns}
    faults = []
    for column, kind in table.source_columns.items():
        if column.lower() not in actual and column in table.may_lack and not undeclared:
            continue
        if column.lower() not in actual:
            shown = ", ".join(name for name, _ in header)
            faults.append(f"column {column} is missing (the file has {shown})")
        elif names.count(column.lower()) > 1:
            faults.append(f"column {column} is there {names.count(column.lower())} times")
        elif not readable_as(actual[column.lower()], kind, table.format):
            faults.append(f"column {column} is {actual[column.lower()]}, declared {kind}")
    return faults
