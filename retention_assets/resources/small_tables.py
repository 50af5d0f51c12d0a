"""Delta tables that are small enough to be read without Spark, by sensors and commands.

A table of the lake at `<root>/<stage>/<noun>`, like those of lake.py; pyarrow tables in and out.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ATTEMPTS = 20  # one of the commits at the same time always succeeds
MANY_FILES = 50  # each append makes one; beyond this many, reading them costs more than joining


def read_small(root: str, key: str, columns: Sequence[str] = ("*",)) -> "pa.Table | None":
    """These columns of the table; None if there is no such table yet."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    address = f"{root}/{key}"
    if not DeltaTable.is_deltatable(address):
        return None
    # `to_pyarrow_table` leaves threads that end the process with SIGABRT if it exits soon after.
    query = QueryBuilder().register("rows", DeltaTable(address))
    return pa.table(query.execute(f"SELECT {', '.join(columns)} FROM rows").read_all())


def append_small(root: str, key: str, rows: "pa.Table") -> None:
    """Adds the rows in one commit. Several threads and processes may append at once, even where
    there is no table yet: a commit that lost against another is made again.
    """
    from deltalake import write_deltalake
    from deltalake.exceptions import CommitFailedError

    for attempts_left in reversed(range(ATTEMPTS)):
        try:
            return write_deltalake(f"{root}/{key}", rows, mode="append")
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
