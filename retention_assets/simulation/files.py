"""Writes the simulated tables: one Parquet file a table and day of arrival, each put in place whole."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_day(folder: Path, table: pa.Table, day: date) -> None:
    """`<folder>/<day>.parquet`, first under a hidden name that readers skip, so that nobody meets half a file."""
    folder.mkdir(parents=True, exist_ok=True)
    draft = folder / f".{day}.parquet.part"
    pq.write_table(table, draft, compression="zstd", store_schema=False)
    draft.replace(folder / f"{day}.parquet")
