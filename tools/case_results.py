"""What the product makes of one input: a flat labeled table, or a source profile, as one line of
text. A refusal is a result too.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
from pyspark.sql import SparkSession

from retention_assets.automation.backlog import last_day, range_tags
from retention_assets.errors import RetentionError
from retention_assets.ingestion import assets as ingestion
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import read_profile
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import source_files
from retention_assets.tabular.encoding.learning import learn
from retention_assets.tabular.reading import Dialect
from retention_assets.tabular.table import FlatTable, Roles, read_flat_table
from retention_assets.validation import assets as validation
from retention_assets.validation.source_check import CheckOptions, TableCheck, check_source
from retention_assets.validation.versions import read_facts

SAMPLED_FILES = 20
SAMPLED_ROWS = 10_000
STARTED = date(2024, 12, 31)  # the last day of a source whose profile names no end


def flat_result(file: Path, roles: Roles) -> str:
    """Rows, labels and columns that training would get, as `retention train-table` reads them."""
    try:
        table = read_flat_table(file, roles, options=Dialect())
        return _flat_line(table)
    except RetentionError as error:
        return f"refused: {error}"


def _flat_line(table: FlatTable) -> str:
    if table.y is None:
        return f"{len(table):,} rows without labels"
    encoding = learn(table.columns, table.y, table.dialect.decimal)
    parts = [
        f"{len(table):,} rows of {len(set(table.identifiers)):,} ids",
        f"{int(table.y.sum()):,} yes",
        f"{table.unlabeled:,} without label",
        f"numbers {', '.join(sorted(encoding.numbers))}",
        f"words {', '.join(sorted(encoding.words)) or 'none'}",
        *(f"{name} refused" for name in sorted(encoding.refused)),
        *(f"{name} to check" for name in sorted(encoding.suspects)),
        f"values {_digest(encoding.apply(table))}",
    ]
    return "; ".join(parts)


def _digest(values: np.ndarray) -> str:
    """The same for the same numbers, whatever the file that they come from."""
    return hashlib.sha256(np.nan_to_num(values, nan=-1e99).tobytes()).hexdigest()[:8]


def source_result(spark: SparkSession, profile: Path) -> str:
    """Valid and quarantined rows of each table, as `retention source check` counts them."""
    try:
        source = read_profile(Settings(source=str(profile)))
        options = CheckOptions(
            files=SAMPLED_FILES,
            rows_per_file=SAMPLED_ROWS,
            max_share=source.allowed_quarantined_share(0.05),
            last_day=source.end or STARTED,
        )
        result = check_source(spark, source, options)
    except RetentionError as error:
        return f"refused: {error}"
    tables = [_table_line(table) for table in result.tables]
    return "; ".join(dict.fromkeys(tables))


def _table_line(table: TableCheck) -> str:
    if table.sample is None:
        return f"{table.name} refused: {' '.join(error.problem for error in table.errors)}"
    rows = table.sample.rows
    reasons = ", ".join(f"{reason.rows} {reason.reason}" for reason in rows.reasons)
    line = f"{table.name} {rows.valid} valid, {rows.quarantined} quarantined"
    return f"{line} ({reasons})" if reasons else line


def run_result(lake: Lake, profile: Path, table: str, columns: Sequence[str]) -> tuple[str, str]:
    """The facts of a table after one run over all days, and after a run whenever a day of
    files has come.
    """
    with tempfile.TemporaryDirectory(prefix="retention-") as folder:
        at_once = Path(folder) / "at-once"
        by_day = Path(folder) / "by-day"
        for copy in (at_once, by_day):
            shutil.copytree(profile.parent, copy)
        whole = Platform.of(Settings(home=at_once / "home", source=str(at_once / profile.name)))
        _materialize(_lake_of(lake, at_once), whole)
        dated = sorted((file.day, file.table) for file in source_files(whole.profile) if file.day)
        first = {table: day for day, table in reversed(dated)}
        waiting = _take_away(by_day, whole.profile)
        settings = Settings(home=by_day / "home", source=str(by_day / profile.name))
        for day in sorted({day for day, _ in dated}):
            for file in waiting.get(day, ()):
                file.with_name(f".{file.name}").rename(file)
            if day >= max(first.values()):  # a run needs a file of every table
                _materialize(_lake_of(lake, by_day), Platform.of(settings))
        return (
            _rows(_lake_of(lake, at_once), table, columns),
            _rows(_lake_of(lake, by_day), table, columns),
        )


def _take_away(folder: Path, profile: Profile) -> dict[date, list[Path]]:
    """Hides the files; day -> its files."""
    files: dict[date, list[Path]] = {}
    for file in source_files(profile):
        path = folder / file.path.relative_to(profile.root)
        hidden = path.with_name(f".{path.name}")
        if file.day and path.exists():
            path.rename(hidden)
            files.setdefault(file.day, []).append(path)
    return files


def _lake_of(lake: Lake, folder: Path) -> Lake:
    other = Lake(root=str(folder / "lake"), home=str(folder), spark_conf=lake.spark_conf)
    other._session = lake.spark
    return other


def _materialize(lake: Lake, platform: Platform) -> None:
    stages = [*ingestion.assets(platform), *validation.assets(platform)]
    daily = [
        item for item in stages if isinstance(item, dg.AssetsDefinition) and item.partitions_def
    ]
    tags = range_tags(platform.profile.start, last_day(platform))
    with dg.DagsterInstance.ephemeral() as instance:
        # A run whose only new file is half written fails, and names it.
        dg.materialize(
            daily, resources={"lake": lake}, tags=tags, instance=instance, raise_on_error=False
        )


def _rows(lake: Lake, table: str, columns: Sequence[str]) -> str:
    rows = read_facts(lake.read, table).selectExpr(*columns).collect()
    return "; ".join(sorted(" ".join(map(str, row)) for row in rows))


def touch(folder: Path, modified: float) -> None:
    """Sets the modification time of all files, in seconds since 1970."""
    for file in folder.rglob("*"):
        if file.is_file():
            os.utime(file, (modified, modified))
