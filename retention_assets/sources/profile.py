"""The model of a source profile: where files lie, what their columns are, and how canonical columns
come from them.

Data only. Checks are in profile_checks.py, reading the YAML file in load_profile.py.
"""

import codecs
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

SIMULATED = "simulated"
SIMULATED_LIVE = "simulated_live"
# The table that says who churned, by the profile's kind of churn.
CHURN_TABLE = {
    "cancellation": "churn_events",
    "inactivity": "transactions",
    "label": "churn_labels",
}
Format = Literal["csv", "parquet", "json", "delta"]
NULL_WORDS = ("", "NULL", "null", "NaN", "nan", "None", "N/A", "NA", "#N/A")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Churn(_Strict):
    """What churn is in a source.

    `cancellation`: the customer cancels. `inactivity`: the customer has bought nothing for more
    than `lapsed_after_days`; if that is left out, for more than the horizon. `label`: the source
    gives the outcome of a customer as of a day, in the table churn_labels.

    `horizon_days`: days in which the customer can churn; a given outcome says what happened in
    these days after its as-of day. `reporting_lag_days`: days after that until the outcome is
    known; what becomes known later changes no label.
    """

    kind: Literal["cancellation", "inactivity", "label"]
    horizon_days: int = Field(default=90, ge=1)
    reporting_lag_days: int = Field(default=7, ge=0)
    lapsed_after_days: int | None = Field(default=None, ge=1)

    @property
    def days_to_lapse(self) -> int:
        """Days without a purchase after which a customer has lapsed, if churn is inactivity."""
        return self.lapsed_after_days or self.horizon_days


class FileOptions(_Strict):
    """How a table's files write their values.

    For CSV: `delimiter`, `quote`, `escape` (of a quote in quoted text), `encoding`, and
    `multi_line`, whether quoted text can have line breaks; if it is left out, a file is read so
    when it has a quote at all. Files ending in .gz or .bz2 are unpacked.

    For values that are text: `decimal` and `thousands` mark, `currency` sign. `null_words` mean a
    missing value in identifiers, numbers, dates and columns with a fixed set of values, never in
    free text such as a country (NA is Namibia).

    `time_zone`: the zone of times that name none. When clocks go back, a repeated time counts as
    the first of the two; when they go forward, a skipped time counts as the same time after the
    change (02:30 as 03:30).
    """

    delimiter: str = Field(default=",", min_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)
    escape: str = Field(default='"', min_length=1, max_length=1)
    encoding: str = "utf-8"
    multi_line: bool | None = None
    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str | None = Field(default=None, min_length=1, max_length=1)
    currency: str | None = Field(default=None, min_length=1)
    null_words: tuple[str, ...] = NULL_WORDS
    time_zone: str = "UTC"

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if self.decimal == self.thousands:
            raise ValueError("decimal and thousands are the same mark")
        try:
            codecs.lookup(self.encoding)
            ZoneInfo(self.time_zone)
        except (LookupError, ValueError, OSError) as error:
            raise ValueError(f"no such encoding or time zone: {error}") from error
        return self


class TableSource(_Strict):
    """Where one canonical table comes from.

    `path`: glob below the data folder. `day_from_filename`: regular expression whose group is the
    day on which a file arrived. `undated_path`: glob of files without a day in their name, such as
    one export of everything; it is used only if no file matches `path`. `source_columns`: Spark
    type of each column of the files; `columns`: SQL over them for each canonical column. If both
    are left out, the files have the canonical columns already. `derive: first_seen` keeps each
    customer's first row. `options`: how the files write their values. `may_lack`: columns that
    are null where a file has none of that name, and no column that is not declared.

    `changed_files: replace`: a file's new version replaces its old one, so that what only the old
    one said holds no longer, from the day on which the new one is read. Without it that stays. It
    matters where a date is a part of what identifies a row: a corrected day of a cancellation would
    otherwise be a second one.

    An expression that fails on a row (a division by zero, a cast, a bad date) gives null there and
    its row goes to quarantine: casts become `try_cast`, the rest is evaluated without ANSI errors.
    Text is a moment only if it begins like 2024-01-31, and a number only if it is written in
    digits; write other forms as `to_timestamp(column, 'dd.MM.yyyy')` or set the options.
    """

    path: str
    undated_path: str | None = None
    format: Format = "parquet"
    day_from_filename: str | None = None
    source_columns: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    may_lack: tuple[str, ...] = ()
    where: str | None = None
    derive: Literal["first_seen"] | None = None
    changed_files: Literal["replace"] | None = None
    options: FileOptions = Field(default_factory=FileOptions)

    @field_validator("format", mode="before")
    @classmethod
    def _is_no_workbook(cls, value: object) -> object:
        if str(value).lower() in {"excel", "xlsx", "xls"}:
            raise ValueError("Excel workbooks are not read; save each sheet as CSV (UTF-8)")
        return value

    @model_validator(mode="after")
    def _first_rows_are_kept(self) -> Self:
        if self.derive and self.replaces:
            raise ValueError("derive: first_seen takes no row back; leave changed_files out")
        return self

    @property
    def replaces(self) -> bool:
        """Whether a changed file takes back what it said before."""
        return self.changed_files == "replace"


class StreamSource(_Strict):
    """Where rows of some tables arrive all day long, besides the tables' files.

    `kind: folder`: files appear below `path`, a folder in the data folder, in a folder for each of
    `tables`. A file ends in .jsonl and has a row on each line, a JSON object with the names of the
    table's `source_columns`. It appears under its name when it is complete.
    `day_from_filename`: regular expression whose group is the day on which the file was delivered.
    """

    kind: Literal["folder"]
    tables: tuple[str, ...] = Field(min_length=1)
    path: str = "stream"
    day_from_filename: str = r"(\d{4}-\d{2}-\d{2})"


class Profile(_Strict):
    """One source. `live`: it goes on, so its newest day should be yesterday; otherwise its history
    ends where its files end. `landed`: the home's folder of what its stream has delivered."""

    name: str
    description: str = ""
    start: date
    end: date | None = None
    live: bool = False
    data_dir: str = "."
    churn: Churn
    max_quarantined_share: float | None = Field(default=None, ge=0, le=1)
    tables: dict[str, TableSource]
    stream: StreamSource | None = None
    root: Path = Path()
    landed: Path = Path()

    def has(self, table: str) -> bool:
        return table in self.tables

    @property
    def state_tables(self) -> list[str]:
        """The tables that say which state a customer is in: who is known, who left, who bought."""
        is_silence = self.churn.kind == "inactivity"
        names = ("customers", *(() if is_silence else ("churn_events",)), "transactions")
        return [name for name in names if self.has(name)]

    def allowed_quarantined_share(self, default: float) -> float:
        """The source's own tolerance if the profile states one, else the platform's."""
        return default if self.max_quarantined_share is None else self.max_quarantined_share

    @cached_property
    def is_simulated(self) -> bool:
        """Whether the embedded simulator makes its files before they are first read."""
        return self.name in (SIMULATED, SIMULATED_LIVE)

    def name_of(self, path: Path) -> str:
        """What the ledger and `source_file` call a file: its path below the data folder, or below
        the home if it is a landed one.
        """
        landed = self.is_landed(path)
        return path.relative_to(self.landed.parents[1] if landed else self.root).as_posix()

    def path_of(self, name: str) -> Path:
        """The file of this name in the ledger."""
        landed = self.landed.parents[1] / name
        return landed if self.is_landed(landed) else self.root / name

    def is_landed(self, path: Path) -> bool:
        """Whether the file has rows that the stream has delivered."""
        return self.stream is not None and self.landed in path.parents
