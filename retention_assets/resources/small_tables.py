"""What is read and written without Spark, by sensors and commands: small Delta tables, and the
properties of any.

A table of the lake at `<root>/<stage>/<noun>`, like those of lake.py; pyarrow tables in and out.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS = 20  # one of the commits at the same time always succeeds
QUOTE = "'"
MANY_FILES = 50  # each append makes one; beyond this many, reading them costs more than joining


def read_small(
    root: str,
    key: str,
    columns: Sequence[str] = ("*",),
    *,
    where: tuple[str, str] | None = None,
    version: int | None = None,
) -> "pa.Table | None":
    """These columns of the table; None if there is no such table yet. `where`: a column and the
    text that it has in the rows that are read; files without any are skipped. `version`: number of
    the commit after which it is read; None: the last one.
    """
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    address = f"{root}/{key}"
    if not DeltaTable.is_deltatable(address):
        return None
    # `to_pyarrow_table` leaves threads that end the process with SIGABRT if it exits soon after.
    query = QueryBuilder().register("rows", DeltaTable(address, version=version))
    condition = f" WHERE {where[0]} = '{where[1].replace(QUOTE, QUOTE * 2)}'" if where else ""
    statement = f"SELECT {', '.join(columns)} FROM rows{condition}"
    return pa.table(query.execute(statement).read_all())


def table_version(root: str, key: str) -> int | None:
    """The number of the table's last commit; None if there is no such table."""
    from deltalake import DeltaTable

    address = f"{root}/{key}"
    return DeltaTable(address).version() if DeltaTable.is_deltatable(address) else None


def commit_times(root: str, key: str) -> dict[int, int]:
    """Number of each commit of the table that is still known -> when it was made, in milliseconds
    since 1970; none if there is no such table.
    """
    from deltalake import DeltaTable

    address = f"{root}/{key}"
    if not DeltaTable.is_deltatable(address):
        return {}
    return {entry["version"]: entry["timestamp"] for entry in DeltaTable(address).history()}


def table_properties(root: str, key: str) -> dict[str, str]:
    """The table's properties; none if there is no such table."""
    from deltalake import DeltaTable

    address = f"{root}/{key}"
    if not DeltaTable.is_deltatable(address):
        return {}
    configuration = DeltaTable(address).metadata().configuration
    return {name: value for name, value in configuration.items() if value is not None}


def set_table_properties(root: str, key: str, values: Mapping[str, str]) -> None:
    """Adds properties to the table, or changes them, in one commit."""
    from deltalake import DeltaTable

    table = DeltaTable(f"{root}/{key}")
    table.alter.set_table_properties(dict(values), raise_if_not_exists=False)


def append_small(root: str, key: str, rows: "pa.Table") -> None:
    """Adds the rows in one commit. Several threads and processes may append at once, even where
    there is no table yet: a commit that lost against another is made again. A column that the
    table lacks is added to it.
    """
    from deltalake import write_deltalake
    from deltalake.exceptions import CommitFailedError

    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            return write_deltalake(f"{root}/{key}", rows, mode="append", schema_mode="merge")
        except CommitFailedError:
            if not attempts_left:
                raise


def compact_small(root: str, key: str) -> None:
    """Joins the files of many appends into one, unless another process changes them meanwhile."""
    from deltalake import DeltaTable
    from deltalake.exceptions import CommitFailedError

    table = DeltaTable(f"{root}/{key}")
    if len(table.file_uris()) > MANY_FILES:
        with suppress(CommitFailedError):
            table.optimize.compact()
            table.create_checkpoint()
