"""Opens a source's files with Spark: the declared columns in their declared types, the row's own
text, its file, and what is wrong with the row as a whole.

Which files to open, and what canonical rows they give, is in reading.py.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.ingestion.casting import value_and_fault, without_null_words
from retention_assets.ingestion.layouts import LINES, FileLayout, Layout
from retention_assets.sources.contracts import (
    BROKEN_JSON,
    FAILED_WHERE,
    FEWER_FIELDS,
    MORE_FIELDS,
)
from retention_assets.sources.expressions import names_in
from retention_assets.sources.headers import (
    NANOSECONDS,
    NO_VALUES,
    Header,
    normal_type,
)
from retention_assets.sources.profile import FileOptions, Profile, TableSource
from retention_assets.sources.source_files import SourceFile

# Columns of an opened frame besides the declared ones, under names that no source column has.
TEXT = "_raw_text"
FILE = "_source_file"
FAULT = "_row_fault"
UNREADABLE = "_unreadable_"  # prefix: whether a source column's value does not fit its type
_PATH = "_path"
_CORRUPT = "_corrupt"
_RECORD = "_record"
_GLOB_CHARACTERS = re.compile(r"([{}\[\]*?\\])")


def open_files(
    spark: SparkSession,
    table: TableSource,
    layouts: Mapping[SourceFile, FileLayout],
    profile: Profile,
) -> DataFrame:
    """The files' rows. `FILE` is a file's name in the ledger; `FAULT` is null for a sound row.

    Files that are laid out alike are read together, those that the stream landed apart.
    """
    alike: dict[tuple[FileLayout, Path], list[str]] = {}
    for file, layout in layouts.items():
        root = profile.landed.parents[1] if profile.is_landed(file.path) else profile.root
        alike.setdefault((layout, root), []).append(_for_spark(table, file.path))
    parts = [
        _typed(table, *_open_alike(spark, table, paths=paths, header=header, layout=layout), root)
        for ((header, layout), root), paths in alike.items()
    ]
    return reduce(DataFrame.unionByName, parts) if parts else _no_rows(spark, table, profile.root)


def open_texts(stored: DataFrame, table: TableSource) -> DataFrame:
    """Rows as `open_files` gives them, from the texts of stored rows whose files are gone. The
    columns of `stored` besides these stay.
    """
    frame = stored.withColumnsRenamed(
        {"raw_text": TEXT, "source_file": FILE, "row_fault": FAULT}
    ).withColumn(FAULT, F.when(F.col(FAULT) != FAILED_WHERE, F.col(FAULT)))
    frame = frame.withColumn(_RECORD, F.from_json(TEXT, "map<string,string>"))
    columns = {name.lower(): (_of_record(name), "string") for name in table.source_columns}
    return frame.select("*", *_declared(table, columns))


def _for_spark(table: TableSource, path: Path) -> str:
    """The path for Spark, which takes brackets in the names of files for a pattern. Its option
    `__globPaths__` is no way out: it reads all paths again for each path with a bracket.
    """
    if table.format == "delta":
        return str(path)
    return _GLOB_CHARACTERS.sub(r"\\\1", str(path))


def _open_alike(
    spark: SparkSession, table: TableSource, *, paths: list[str], header: Header, layout: Layout
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    """The rows with TEXT, FAULT and the path, and each source column with its type in the file."""
    if table.format == "json" or (header, layout) == LINES:
        return _json(spark, table, paths=paths, on_lines=layout)
    if table.format == "csv":
        return _csv(spark, table.options, paths=paths, header=header, multi_line=layout)
    return _columnar(spark, table, paths, header)


def _csv(
    spark: SparkSession, options: FileOptions, *, paths: list[str], header: Header, multi_line: bool
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    names = [name for name, _ in header]
    width = max((place for place, name in enumerate(names, start=1) if name), default=0)
    schema = ", ".join(f"_c{place} string" for place in range(width))
    reader = spark.read.schema(f"{schema}, {_CORRUPT} string").options(**_csv_options(options))
    frame = reader.option("multiLine", multi_line).csv(paths)
    frame = frame.where(F.col(_CORRUPT).isNull() | (F.trim(_CORRUPT) != ""))
    fault = _width_fault(width, options)
    labels = [
        name if name and names.index(name) == place else f"{name or 'column'}_{place + 1}"
        for place, name in enumerate(names[:width])
    ]
    cells = F.struct(*[F.col(f"_c{place}").alias(label) for place, label in enumerate(labels)])
    text = F.when(fault.isNotNull(), F.col(_CORRUPT)).otherwise(F.to_json(cells))
    columns = {
        name.lower(): (F.col(f"_c{place}"), "string") for place, name in enumerate(names[:width])
    }
    frame = frame.withColumns({TEXT: text, FAULT: fault, _PATH: F.col("_metadata.file_path")})
    return frame, columns


def _csv_options(options: FileOptions) -> dict[str, Any]:
    is_utf8 = options.encoding.lower().replace("_", "-") in {"utf8", "utf-8", "utf-8-sig"}
    return {
        "header": True,
        "enforceSchema": True,
        "sep": options.delimiter,
        "quote": options.quote,
        "escape": options.escape,
        "encoding": "utf-8" if is_utf8 else options.encoding,
        "ignoreLeadingWhiteSpace": True,
        "columnPruning": False,  # otherwise fields are not counted
        "columnNameOfCorruptRecord": _CORRUPT,
        "maxCharsPerColumn": -1,
    }


def _width_fault(width: int, options: FileOptions) -> Column:
    """Spark keeps the text of rows with another number of fields. Empty fields at the end of a
    row do not matter.
    """
    quote = re.escape(options.quote)
    separator = re.escape(options.delimiter)
    bare = F.regexp_replace(F.col(_CORRUPT), f"{quote}[^{quote}]*{quote}", "x")
    full = F.regexp_replace(bare, f"(?:{separator} *)+$", "")

    def fields(text: Column) -> Column:
        return F.size(F.split(text, separator, -1))

    fault = F.when(fields(full) > width, F.lit(MORE_FIELDS)).when(
        fields(bare) < width, F.lit(FEWER_FIELDS)
    )
    return F.when(F.col(_CORRUPT).isNotNull(), fault)  # without ANSI the size of null is -1


def _json(
    spark: SparkSession, table: TableSource, *, paths: list[str], on_lines: bool
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    """Values as text, nested ones as JSON. Keys are found in any case."""
    frame = spark.read.text(paths, wholetext=not on_lines)
    frame = frame.withColumn(_PATH, F.col("_metadata.file_path"))
    if on_lines:
        return _json_lines(frame.withColumnRenamed("value", TEXT), table)
    frame = _without_blank_texts(frame.withColumnRenamed("value", TEXT))
    records = F.from_json(TEXT, "array<map<string,string>>")
    broken = F.array(F.lit(None).cast("map<string,string>"))
    frame = frame.withColumn(_RECORD, F.explode(F.coalesce(records, broken)))
    frame = frame.withColumn(TEXT, F.coalesce(F.to_json(_RECORD), F.col(TEXT)))
    return _json_records(frame, table)


def open_lines(lines: DataFrame, table: TableSource) -> DataFrame:
    """Rows as `open_files` gives them, from lines of JSON with the columns TEXT and FILE."""
    frame, columns = _json_lines(lines, table)
    return frame.select(TEXT, FILE, FAULT, *_declared(table, columns))


def _json_lines(
    frame: DataFrame, table: TableSource
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    frame = _without_blank_texts(frame)
    frame = frame.withColumn(_RECORD, F.from_json(TEXT, "map<string,string>"))
    return _json_records(frame, table)


def _without_blank_texts(frame: DataFrame) -> DataFrame:
    frame = frame.withColumn(TEXT, F.regexp_replace(TEXT, "^\ufeff", ""))
    return frame.where(F.trim(TEXT) != "")


def _json_records(
    frame: DataFrame, table: TableSource
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    is_broken = F.col(_RECORD).isNull()
    frame = frame.withColumn(FAULT, F.when(is_broken, F.lit(BROKEN_JSON)))
    return frame, {name.lower(): (_of_record(name), "string") for name in table.source_columns}


def _of_record(name: str) -> Column:
    lower = F.lit(name.lower())
    in_any_case = F.filter(F.map_entries(_RECORD), lambda entry: F.lower(entry["key"]) == lower)
    return F.coalesce(F.col(_RECORD)[name], F.get(in_any_case, F.lit(0))["value"])


def _columnar(
    spark: SparkSession, table: TableSource, paths: list[str], header: Header
) -> tuple[DataFrame, dict[str, tuple[Column, str]]]:
    """Parquet and Delta: only declared columns are opened. Nanoseconds come as whole numbers."""
    if table.format == "delta":
        frame = spark.read.format("delta").load(paths[0])
    else:
        fields = [
            f"`{name}` {'bigint' if kind in NANOSECONDS else kind}"
            for name, kind in header
            if kind != NO_VALUES
        ]
        frame = spark.read.schema(", ".join(fields)).parquet(*paths)
    columns = {name.lower(): _physical(name, kind) for name, kind in header}
    values = [columns[name.lower()][0].alias(name) for name, _ in header]
    text = F.to_json(F.struct(*values))
    no_fault = F.lit(None).cast("string")
    of_part = F.col("_metadata.file_path")
    path = F.lit(Path(paths[0]).as_uri()) if table.format == "delta" else of_part
    return frame.withColumns({TEXT: text, FAULT: no_fault, _PATH: path}), columns


def _physical(name: str, kind: str) -> tuple[Column, str]:
    column = F.col(f"`{name}`")
    if kind == NO_VALUES:
        return F.lit(None).cast("string"), "string"
    if kind in NANOSECONDS:
        micros = F.expr(f"timestamp_micros(`{name}` div 1000)")
        return micros.cast(NANOSECONDS[kind]), NANOSECONDS[kind]
    return column, kind


def _typed(
    table: TableSource, frame: DataFrame, columns: dict[str, tuple[Column, str]], root: Path
) -> DataFrame:
    return frame.select(
        F.col(TEXT), _source_file(root).alias(FILE), F.col(FAULT), *_declared(table, columns)
    )


def _declared(table: TableSource, columns: dict[str, tuple[Column, str]]) -> Iterator[Column]:
    """Each declared column, and whether its value could not be read."""
    keys = key_columns(table)
    lacking = (F.lit(None).cast("string"), "string")
    for name, kind in table.source_columns.items():
        source, actual = columns.get(name.lower(), lacking)
        declared = normal_type(kind)
        value, fault = value_and_fault(
            source, actual=actual, declared=declared, options=table.options
        )
        if declared == "string" and name.lower() in keys:
            value = F.when(without_null_words(value, table.options).isNotNull(), value)
        yield value.alias(name)
        yield fault.alias(UNREADABLE + name)


def key_columns(table: TableSource) -> set[str]:
    """Source columns that only identifiers are made of, in lower case: null words count there."""
    in_ids: set[str] = set()
    elsewhere: set[str] = set()
    for column, sql in table.columns.items():
        names = {name.lower() for name in names_in(sql, table.source_columns)}
        (in_ids if column.endswith("_id") else elsewhere).update(names)
    return in_ids - elsewhere


def _source_file(root: Path) -> Column:
    return F.substring(plain_path(F.col(_PATH)), len(f"{root}/") + 1, 1 << 16)


def plain_path(url: Column) -> Column:
    """The path of a file as Spark names it, which is a URL; a plus sign in it is a plus sign."""
    encoded = F.replace(url, F.lit("+"), F.lit("%2B"))
    return F.regexp_replace(F.url_decode(encoded), "^file:/+", "/")


def _no_rows(spark: SparkSession, table: TableSource, root: Path) -> DataFrame:
    names: Sequence[str] = [TEXT, FAULT, _PATH, *table.source_columns]
    frame = spark.createDataFrame([], ", ".join(f"`{name}` string" for name in names))
    columns = {name.lower(): (F.col(f"`{name}`"), "string") for name in table.source_columns}
    return _typed(table, frame, columns, root)
