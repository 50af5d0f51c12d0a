"""How the files of a table are laid out, and which of them cannot be opened. No Spark.

Opening them by their layout is in opening.py.
"""

from collections.abc import Iterable
from pathlib import Path

from retention_assets.errors import UnreadableFileError
from retention_assets.sources.headers import Header, has_records_on_lines
from retention_assets.sources.profile import Profile, TableSource
from retention_assets.sources.profile_checks import check_headers
from retention_assets.sources.source_files import SourceFile
from retention_assets.sources.text_files import contains

# How a group of files is read: CSV with line breaks in quotes; JSON with a record per line.
Layout = bool
FileLayout = tuple[Header, Layout]
LINES: FileLayout = ((), True)  # JSON with a record per line


def inspect_files(
    profile: Profile, name: str, files: Iterable[SourceFile]
) -> tuple[dict[SourceFile, FileLayout], dict[SourceFile, UnreadableFileError]]:
    """How each file of table `name` is laid out; and why some cannot be opened, such as a half of a
    Parquet file.

    Raises SchemaChangedError if a declared column is missing or has another type, and
    UnreadableFileError if no file can be opened.
    """
    table = profile.tables[name]
    layouts = {}
    faults: dict[SourceFile, UnreadableFileError] = {}
    for file in files:
        if profile.is_landed(file.path):
            layouts[file] = LINES
            continue
        try:
            header = check_headers(profile, name, [file])[file]
            if header or table.format == "json":
                layouts[file] = (_used(table, header), _layout(table, file.path))
        except UnreadableFileError as error:
            faults[file] = error
    if faults and not layouts:
        raise next(iter(faults.values()))
    return layouts, faults


def _used(table: TableSource, header: Header) -> Header:
    """All columns of a CSV, because they are read by place; otherwise the declared ones."""
    if table.format == "csv":
        return header
    declared = {column.lower() for column in table.source_columns}
    return tuple((column, kind) for column, kind in header if column.lower() in declared)


def _layout(table: TableSource, path: Path) -> Layout:
    options = table.options
    if table.format == "json":
        contains(path, "utf-8", "{")
        return has_records_on_lines(path)
    if table.format != "csv":
        return False
    has_quotes = contains(path, options.encoding, options.quote)
    return has_quotes if options.multi_line is None else options.multi_line
