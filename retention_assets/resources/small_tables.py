"""Delta tables that are small enough to be read without Spark, by sensors and commands.

A table of the lake at `<root>/<stage>/<noun>`, like those of lake.py; pyarrow tables in and out.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

MANY_FILES = 50  # each append makes one; beyond this many, reading them costs more than joining


def read_small(root: str, key: str) -> "pa.Table | None":
    """The table's rows; None if there is no such table yet."""
    from deltalake import DeltaTable

    address = f"{root}/{key}"
    if not DeltaTable.is_deltatable(address):
        return None
    return DeltaTable(address).to_pyarrow_table()


def append_small(root: str, key: str, rows: "pa.Table") -> None:
    """Adds the rows in one commit. Several processes may append at once."""
    from deltalake import write_deltalake

    write_deltalake(f"{root}/{key}", rows, mode="append")


def compact_small(root: str, key: str) -> None:
    """Joins the files of many appends into one. Only one process may do so at a time."""
    from deltalake import DeltaTable

    table = DeltaTable(f"{root}/{key}")
    if len(table.file_uris()) > MANY_FILES:
        table.optimize.compact()
        table.create_checkpoint()
