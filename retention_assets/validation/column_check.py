"""What a sample of one table says about its columns: where they come from, how many values are
blank, and an example. Spark frames in, frozen records out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from retention_assets.sources.contracts import CanonicalColumn, Table
from retention_assets.sources.expressions import names_in
from retention_assets.sources.headers import Header
from retention_assets.sources.profile import TableSource
from retention_assets.validation.split import BROKEN

ColumnTypes = Mapping[str, Sequence[str]]
TEXT_TYPE = "text"


@dataclass(frozen=True)
class ColumnCheck:
    """One canonical column that the profile fills.

    `source_types`: the types in the sampled files of each source column that the expression names;
    empty for a column that no file has. `blank_share`: of the rows read; None without rows.
    """

    name: str
    type: str
    expression: str
    source_types: ColumnTypes
    blank_share: float | None
    example: str | None


def check_columns(
    table: TableSource, contract: Table, *, source_types: ColumnTypes, marked: DataFrame
) -> tuple[ColumnCheck, ...]:
    """The filled columns in the contract's order. `marked`: the rows of a split."""
    filled = [column for column in contract.columns if column.name in table.columns]
    values = _values(marked, filled)
    rows = values["rows"]
    return tuple(
        ColumnCheck(
            column.name,
            column.type,
            " ".join(table.columns[column.name].split()),
            {name: source_types.get(name, ()) for name in _sources(table, column.name)},
            1 - values[f"{column.name}_filled"] / rows if rows else None,
            values[f"{column.name}_example"],
        )
        for column in filled
    )


def types_by_column(table: TableSource, headers: Sequence[Header]) -> ColumnTypes:
    """Source column -> its types in these headers. A declared column has its declared spelling."""
    spelling = {name.lower(): name for name in table.source_columns}
    source_types: dict[str, set[str]] = {}
    for name, kind in (column for header in headers for column in header if column[0]):
        is_text = table.format in {"csv", "json"}
        source_types.setdefault(spelling.get(name.lower(), name), set()).add(
            TEXT_TYPE if is_text else kind
        )
    return {name: tuple(sorted(kinds)) for name, kinds in source_types.items()}


def json_header(frame: DataFrame) -> Header:
    """The keys of the JSON records in a frame's raw texts, in the form of a file's header."""
    keys = F.map_keys(F.from_json("raw_text", "map<string,string>"))
    rows = frame.select(F.explode(keys).alias("key")).distinct().orderBy("key").collect()
    return tuple((row["key"], "string") for row in rows)


def unused_columns(table: TableSource, source_types: ColumnTypes) -> tuple[str, ...]:
    """Columns of the files that no expression of the profile names."""
    expressions = [*table.columns.values(), *([table.where] if table.where else [])]
    used = {name.lower() for sql in expressions for name in _names(sql, table)}
    return tuple(name for name in source_types if name.lower() not in used)


def _names(sql: str, table: TableSource) -> set[str]:
    """A lambda hides which names are columns; it may use all that are declared."""
    return set(table.source_columns) if "->" in sql else names_in(sql, table.source_columns)


def _sources(table: TableSource, column: str) -> list[str]:
    names = {name.lower() for name in _names(table.columns[column], table)}
    return [name for name in table.source_columns if name.lower() in names]


def _values(marked: DataFrame, columns: Sequence[CanonicalColumn]) -> dict[str, Any]:
    """`rows`, and for each column `<name>_filled` and `<name>_example`, in one pass."""
    totals = [F.count(F.lit(1)).alias("rows")]
    aggregates = [total for column in columns for total in _of_column(column.name)]
    return marked.agg(*totals, *aggregates).collect()[0].asDict()


def _of_column(name: str) -> Iterator[Column]:
    """How many rows have a value, and the value of the first of them, rather of a valid one."""
    text = F.col(name).cast("string")
    is_filled = F.coalesce(F.trim(text) != "", F.lit(False))
    order = F.struct(F.col(BROKEN) != 0, F.col("source_file"), F.col("raw_text"))
    yield F.count_if(is_filled).alias(f"{name}_filled")
    yield F.min_by(text, F.when(is_filled, order)).alias(f"{name}_example")
