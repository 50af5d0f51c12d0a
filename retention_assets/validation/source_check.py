"""Checks a whole source by a sample of each of its tables, before anything of it is stored. An
error of one table does not hide what the others hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Self

from pyspark.sql import SparkSession

from retention_assets.errors import ProfileError
from retention_assets.ingestion.sampling import FileSample, sample_files
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.profile import Profile
from retention_assets.sources.profile_checks import (
    check_churn,
    check_data_folder,
    check_table_mapping,
    files_of_table,
)
from retention_assets.sources.source_files import SourceFile, present_files
from retention_assets.validation.table_check import RowCounts, SampleCheck, check_sample


@dataclass(frozen=True)
class CheckOptions:
    """How much is read of each table, and what a run would allow and read up to."""

    files: int
    rows_per_file: int
    max_share: float
    last_day: date


@dataclass(frozen=True)
class CheckError:
    """Why a source or one of its tables cannot be taken in, and what to do about it."""

    problem: str
    fix: str

    @classmethod
    def of(cls, error: ProfileError) -> Self:
        return cls(error.problem, error.fix)


@dataclass(frozen=True)
class TableFiles:
    """The files of one table by their names. `ignored`: files of days outside the profile's.

    `sampled`: paths below the data folder, each of which is read up to `rows_per_file`.
    """

    count: int
    first_day: date | None
    last_day: date | None
    undated: int
    ignored: int
    sampled: tuple[str, ...]
    rows_per_file: int


@dataclass(frozen=True)
class TableCheck:
    """One table: its files, the sample of them, and what would fail.

    `files` and `sample` are None where an error precludes them. `unfilled_columns`: canonical
    columns that the profile leaves out.
    """

    name: str
    path: str
    format: str
    files: TableFiles | None
    sample: SampleCheck | None
    unfilled_columns: tuple[str, ...]
    errors: tuple[CheckError, ...]


@dataclass(frozen=True)
class SourceCheck:
    """All tables of a source, and what is wrong with the profile as a whole."""

    profile: str
    root: str
    start: date
    last_day: date
    max_share: float
    tables: tuple[TableCheck, ...]
    errors: tuple[CheckError, ...]

    @property
    def is_acceptable(self) -> bool:
        """Whether a run could take the sample in."""
        return not self.errors and not any(table.errors for table in self.tables)


def check_source(spark: SparkSession, profile: Profile, options: CheckOptions) -> SourceCheck:
    """Reads a sample of each table and validates it; stores nothing.

    Raises ProfileError if there is no data folder.
    """
    check_data_folder(profile)
    listings = {name: _files_or_error(profile, name) for name in profile.tables}
    tables = [
        _without_files(profile, name, listing)
        if isinstance(listing, CheckError)
        else _check_table(spark, profile, name, files=listing, options=options)
        for name, listing in listings.items()
    ]
    return SourceCheck(
        profile=profile.name,
        root=str(profile.root),
        start=profile.start,
        last_day=options.last_day,
        max_share=options.max_share,
        tables=tuple(tables),
        errors=tuple(_profile_errors(profile)),
    )


def _profile_errors(profile: Profile) -> Iterator[CheckError]:
    try:
        check_churn(profile)
    except ProfileError as error:
        yield CheckError.of(error)


def _files_or_error(profile: Profile, name: str) -> list[SourceFile] | CheckError:
    try:
        check_table_mapping(profile, name)
        return files_of_table(profile, name)
    except ProfileError as error:
        return CheckError.of(error)


def _check_table(
    spark: SparkSession,
    profile: Profile,
    name: str,
    *,
    files: list[SourceFile],
    options: CheckOptions,
) -> TableCheck:
    sample = sample_files(files, options.files, options.rows_per_file)
    result = replace(_without_files(profile, name), files=_table_files(profile, files, sample))
    try:
        checked = check_sample(spark, profile, name, sample=sample, last_day=options.last_day)
    except ProfileError as error:
        return replace(result, errors=(CheckError.of(error),))
    errors = tuple(_row_errors(profile, name, checked.rows, options.max_share))
    return replace(result, sample=checked, errors=errors)


def _without_files(profile: Profile, name: str, *errors: CheckError) -> TableCheck:
    table = profile.tables[name]
    contract = TABLES[name].column_names if name in TABLES else ()
    unfilled = tuple(column for column in contract if column not in table.columns)
    return TableCheck(name, table.path, table.format, None, None, unfilled, errors)


def _table_files(profile: Profile, files: list[SourceFile], sample: FileSample) -> TableFiles:
    days = [file.day for file in files if file.day]
    return TableFiles(
        count=len(files),
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        undated=len(files) - len(days),
        ignored=len(present_files(profile, files[0].table)) - len(files),
        sampled=tuple(profile.name_of(file.path) for file in sample.files),
        rows_per_file=sample.rows_per_file,
    )


def _row_errors(
    profile: Profile, name: str, rows: RowCounts, max_share: float
) -> Iterator[CheckError]:
    """What would block a run: too many rows quarantined, or too many by one rule."""
    place = f"Profile {profile.name}, table {name}"
    fix = (
        f"Correct tables.{name} or the files, or set max_quarantined_share in the profile if such "
        "rows are normal."
    )
    allowed = rows.allowed_share(max_share)
    if rows.quarantined_share > allowed + rows.share_margin:
        yield CheckError(
            f"{place}: {rows.quarantined_share:.1%} of the sampled rows would go to quarantine, "
            f"{allowed:.1%} are allowed.",
            fix,
        )
        return
    for reason in rows.reasons:
        allowed = rows.allowed_share(max_share, reason.checked)
        if reason.share > allowed + rows.share_margin:
            yield CheckError(
                f"{place}: {reason.share:.1%} of the sampled rows with a value break one rule "
                f"({reason.reason}), {allowed:.1%} are allowed.",
                fix,
            )
