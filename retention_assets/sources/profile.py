"""The model of a source profile: where files lie, what their columns are, and how canonical columns
come from them.

Data only. Checks are in profile_checks.py, reading the YAML file in load_profile.py.
"""

from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SIMULATED = "simulated"
# The table that says who churned, by the profile's kind of churn.
CHURN_TABLE = {"cancellation": "churn_events", "inactivity": "transactions"}
Format = Literal["csv", "parquet", "json", "delta"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Churn(_Strict):
    """What churn is in a source. `column`: the label's column, if the source has a label."""

    kind: Literal["cancellation", "inactivity", "label"]
    horizon_days: int = Field(default=90, ge=1)
    reporting_lag_days: int = Field(default=7, ge=0)
    active_within_days: int | None = Field(default=None, ge=1)
    column: str | None = None


class TableSource(_Strict):
    """Where one canonical table comes from.

    `path`: glob below the data folder. `day_from_filename`: regular expression whose group is the
    day on which a file arrived. `undated_path`: glob of files without a day in their name, such as
    one export of everything; it is used only if no file matches `path`. `source_columns`: Spark
    type of each column of the files; `columns`: SQL over them for each canonical column. If both
    are left out, the files have the canonical columns already. `derive: first_seen` keeps each
    customer's first row.
    """

    path: str
    undated_path: str | None = None
    format: Format = "parquet"
    day_from_filename: str | None = None
    source_columns: dict[str, str] = Field(default_factory=dict)
    columns: dict[str, str] = Field(default_factory=dict)
    where: str | None = None
    derive: Literal["first_seen"] | None = None


class Profile(_Strict):
    """One source. `live`: it goes on, so its newest day should be yesterday; otherwise its history
    ends where its files end."""

    name: str
    description: str = ""
    start: date
    end: date | None = None
    live: bool = False
    data_dir: str = "."
    churn: Churn
    max_quarantined_share: float | None = Field(default=None, ge=0, le=1)
    tables: dict[str, TableSource]
    root: Path = Path()

    def has(self, table: str) -> bool:
        return table in self.tables

    @cached_property
    def is_simulated(self) -> bool:
        """Whether the embedded simulator makes its files before they are first read."""
        return self.name == SIMULATED
