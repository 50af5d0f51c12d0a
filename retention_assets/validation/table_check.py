"""Checks a sample of one table of a source: what would be taken in, what would be quarantined, and
what would fail. Writes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from math import sqrt

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets.errors import ProfileError
from retention_assets.ingestion.arrival_times import first_sights
from retention_assets.ingestion.layouts import inspect_files
from retention_assets.ingestion.opening import FILE, TEXT
from retention_assets.ingestion.reading import read_files
from retention_assets.ingestion.sampling import FileSample, open_sample
from retention_assets.sources.arrival import arrival_days
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import LedgerContent
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import present_files
from retention_assets.validation.column_check import (
    ColumnCheck,
    check_columns,
    json_header,
    types_by_column,
    unused_columns,
)
from retention_assets.validation.result import (
    MIN_ROWS,
    Counts,
    allowed_share_of,
    count_rows,
)
from retention_assets.validation.rules import REPEAT, VERSION, rules_of
from retention_assets.validation.split import BROKEN, is_valid, split


@dataclass(frozen=True)
class QuarantineReason:
    """Rows that would be quarantined for one reason, with one of them as the source has it.

    `checked`: rows that the rule checks, which exclude missing values; `share`: of these.
    """

    reason: str
    rows: int
    checked: int
    share: float
    source_file: str | None
    raw_text: str | None


@dataclass(frozen=True)
class RowCounts:
    """What would become of the sample's rows. The days are those of the valid rows.

    `read`: rows by sampled file. `selected`: those that the profile's `where` and `derive` leave;
    they are valid, quarantined, or repeats of valid ones. `scale`: how many rows all files have for
    one of the sample, as far as the sample tells. `share_margin`: how far `quarantined_share` may
    be from that of all files, by its differences between the sampled ones.
    """

    read: Mapping[str, int]
    selected: int
    valid: int
    quarantined: int
    repeats: int
    scale: float
    share_margin: float
    first_day: date | None
    last_day: date | None
    reasons: tuple[QuarantineReason, ...]

    @property
    def quarantined_share(self) -> float:
        return self.quarantined / self.selected if self.selected else 0.0

    def allowed_share(self, max_share: float, checked: int | None = None) -> float:
        """The share of so many rows of the sample (default: all) that a run over all files would
        accept in quarantine.
        """
        rows = self.selected if checked is None else checked
        return allowed_share_of(round(rows * self.scale), max_share)


@dataclass(frozen=True)
class SampleCheck:
    """What the sampled files of one table hold; `unused_columns` are named by no expression."""

    rows: RowCounts
    columns: tuple[ColumnCheck, ...]
    unused_columns: tuple[str, ...]


def check_sample(
    spark: SparkSession, profile: Profile, name: str, *, sample: FileSample, last_day: date
) -> SampleCheck:
    """Reads and validates the sample as a run up to `last_day` would. Raises ProfileError where a
    run would fail.
    """
    table = profile.tables[name]
    contract = TABLES[name]
    layouts, unreadable = inspect_files(profile, name, sample.files)
    if unreadable:
        raise next(iter(unreadable.values()))
    days = arrival_days(
        profile,
        layouts,
        LedgerContent({}, {}),
        first_open=profile.start,
        last=last_day,
        known_files=present_files(profile, name),
    )
    with _spark_errors_of(profile, name):
        opened = open_sample(spark, table, layouts, profile, rows_per_file=sample.rows_per_file)
        # Spark refuses to count rows of a CSV without reading one of its columns.
        counts = opened.groupBy(FILE).agg(F.count(TEXT).alias("rows")).collect()
        frame = read_files(
            spark, profile, name, days, layouts=layouts, rows_per_file=sample.rows_per_file
        )
        if table.derive == "first_seen":
            frame = first_sights(frame, None, profile.start)
        frame = frame.persist()
        headers = [header for header, _ in layouts.values()]
        columns_in_files = [json_header(frame)] if table.format == "json" else headers
        source_types = types_by_column(table, columns_in_files)
        parts = split(frame, contract.key, rules_of(contract, profile.start))
        rows = _row_counts(
            parts.marked,
            {row[FILE]: row["rows"] for row in counts},
            sample=sample,
            reasons=_reasons(count_rows(parts)),
        )
        columns = check_columns(table, contract, source_types=source_types, marked=parts.marked)
        parts.release()
        frame.unpersist()
    return SampleCheck(rows, columns, unused_columns(table, source_types))


def _row_counts(
    marked: DataFrame,
    read: Mapping[str, int],
    *,
    sample: FileSample,
    reasons: tuple[QuarantineReason, ...],
) -> RowCounts:
    day = F.when(is_valid(), F.to_date("event_ts"))
    files = (
        marked.groupBy("source_file")
        .agg(
            F.count(F.lit(1)).alias("rows"),
            F.count_if(F.col(BROKEN) != 0).alias("broken"),
            F.count_if(F.col(VERSION) == REPEAT).alias("repeats"),
            F.min(day).alias("first_day"),
            F.max(day).alias("last_day"),
        )
        .collect()
    )
    by_file = [(file["broken"], file["rows"]) for file in files]
    by_file += [(0, 0)] * (len(sample.files) - len(files))
    rows = sum(file["rows"] for file in files)
    broken = sum(file["broken"] for file in files)
    repeats = sum(file["repeats"] for file in files)
    return RowCounts(
        read=read,
        selected=rows,
        valid=rows - broken - repeats,
        quarantined=broken,
        repeats=repeats,
        scale=_scale(read, rows, sample),
        share_margin=share_margin(by_file, sample.of_files),
        first_day=min((file["first_day"] for file in files if file["first_day"]), default=None),
        last_day=max((file["last_day"] for file in files if file["last_day"]), default=None),
        reasons=reasons,
    )


def _scale(read: Mapping[str, int], selected: int, sample: FileSample) -> float:
    """By the number of files; where a file goes on after its sampled rows, at least so much that
    all are not few.
    """
    by_files = sample.of_files / len(sample.files)
    is_cut = any(rows >= sample.rows_per_file for rows in read.values())
    return max(by_files, MIN_ROWS / selected) if is_cut and selected else by_files


def share_margin(counts: Sequence[tuple[int, int]], of_files: int) -> float:
    """Two standard errors of the share of broken rows, from (broken, rows) of each sampled file.

    0 if all files were read, and if a single one was, which says nothing about differences. It is
    the ratio estimator of cluster sampling (Cochran, Sampling Techniques, 1977, section 9A).

    >>> round(share_margin([(30, 100), (10, 100)], of_files=100), 3)
    0.198
    >>> share_margin([(30, 100), (10, 100)], of_files=2)
    0.0
    """
    rows = sum(of_file for _, of_file in counts)
    if len(counts) < 2 or not rows:
        return 0.0
    share = sum(broken for broken, _ in counts) / rows
    squares = sum((broken - share * of_file) ** 2 for broken, of_file in counts)
    unread = max(1 - len(counts) / of_files, 0.0)
    return 2 * sqrt(unread * squares * len(counts) / (len(counts) - 1)) / rows


def _reasons(counts: Counts) -> tuple[QuarantineReason, ...]:
    by_reason = {violation.rule.reason: violation for violation in counts.violations}
    return tuple(
        QuarantineReason(
            reason,
            rows,
            by_reason[reason].checked,
            by_reason[reason].share,
            by_reason[reason].source_file,
            by_reason[reason].example,
        )
        for reason, rows in counts.rows_by_reason.items()
    )


@contextmanager
def _spark_errors_of(profile: Profile, name: str) -> Iterator[None]:
    """Spark's errors while it reads files become a ProfileError with their first line."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        cause = str(getattr(error, "java_exception", error)).splitlines()[0]
        raise ProfileError(
            f"Profile {profile.name}, table {name}: Spark cannot read the files: {cause}",
            "Replace the file that it names, or correct the table's format and columns.",
        ) from error
