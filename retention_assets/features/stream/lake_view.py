"""The lake as one daily run left it, and its tables as a daily run would make them now for some
customers, with the rows that are open. Frames in, frames out; nothing is written.

The tables are made by the functions of the daily assets, in their order: rows, split, tiles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from retention_assets import keys
from retention_assets.features.measures import available_measures
from retention_assets.features.tiles import daily_activity
from retention_assets.ingestion.reading import read_lines
from retention_assets.resources.lake import Lake
from retention_assets.resources.small_tables import commit_times
from retention_assets.sources.arrival import ArrivalDays, arrival_days, first_open_day
from retention_assets.sources.contracts import TABLES
from retention_assets.sources.ledger import Ledger, LedgerContent
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import LANDED_SUFFIX, SourceFile, present_files
from retention_assets.validation.rules import rules_of
from retention_assets.validation.split import Split, split

Texts = Sequence[tuple[date, str]]  # day of delivery, line of JSON
Read = Callable[[str], DataFrame]  # asset key -> frame
_NOT_NEEDED = ("raw_text",)  # of rows that arrived before: most of their memory
_LAST = date(9999, 12, 31)


@dataclass(frozen=True)
class LakeView:
    """The lake's tables at fixed versions. `patience_days`: as the daily run closes days.

    What every micro-batch reads is kept in memory until `release`.
    """

    lake: Lake
    profile: Profile
    session: SparkSession
    content: LedgerContent
    versions: Mapping[str, int]
    patience_days: int
    _kept: list[DataFrame] = field(default_factory=list)

    @classmethod
    def of(
        cls, lake: Lake, profile: Profile, session: SparkSession, patience_days: int
    ) -> "LakeView":
        """The lake as the run left it that wrote the tiles last.

        A run writes rows first and tiles last, so what was written after the tiles belongs to a run
        that has not come so far, or failed.
        """
        tables = [name for name in TABLES if profile.has(name)]
        names = [keys.SOURCE_FILES, *map(keys.raw, tables), *map(keys.validated, tables)]
        times = commit_times(lake.root, keys.DAILY_ACTIVITY)
        versions = {keys.DAILY_ACTIVITY: max(times)} if times else {}
        for name in names if times else ():
            earlier = [
                version
                for version, time in commit_times(lake.root, name).items()
                if time <= max(times.values())
            ]
            if earlier:
                versions[name] = max(earlier)
        ledger = versions.get(keys.SOURCE_FILES)
        content = LedgerContent({}, {}) if ledger is None else Ledger(lake.root).content(ledger)
        return cls(lake, profile, session, content, versions, patience_days)

    def read(self, key: str) -> DataFrame:
        return self.lake.read_version(key, self.versions[key], self.session)

    def has(self, key: str) -> bool:
        return key in self.versions

    def first_open(self, table: str) -> date:
        """The first day of the table on which rows can still arrive."""
        return self._first_open_days[table]

    @cached_property
    def _first_open_days(self) -> Mapping[str, date]:
        return {
            name: first_open_day(self.profile, name, self.content, patience_days=self.patience_days)
            for name in self.profile.tables
        }

    @cached_property
    def first_day(self) -> date:
        """The first day that is made anew: what arrived before is taken from the lake."""
        assert self.profile.stream is not None
        return min(map(self.first_open, self.profile.stream.tables))

    @cached_property
    def closed(self) -> Mapping[str, DataFrame]:
        """What arrived on earlier days, by asset key, kept in memory."""
        assert self.profile.stream is not None
        raw = [keys.raw(name) for name in self.profile.stream.tables if self.has(keys.raw(name))]
        names = [keys.DAILY_ACTIVITY, *(keys.validated(name) for name in TABLES), *raw]
        before = F.col("arrival_date") < F.lit(self.first_day)
        frames = {
            name: self.read(name).where(before).drop(*_NOT_NEEDED)
            for name in names
            if self.has(name)
        }
        self._kept.extend(frame.persist() for frame in frames.values())
        return frames

    def arrival_days(self, table: str, days: Sequence[date]) -> ArrivalDays:
        """When rows arrive that were delivered on these days."""
        folder = self.profile.landed / table
        files = [SourceFile(table, folder / f"{day}{LANDED_SUFFIX}", day, 0, 0) for day in days]
        return arrival_days(
            self.profile,
            files,
            self.content,
            first_open=self.first_open(table),
            last=_LAST,
            known_files=[*present_files(self.profile, table), *files],
        )

    def rows(self, table: str, texts: Texts, days: Sequence[date]) -> DataFrame:
        """The rows of raw/<table> that these texts give. `days`: all days of open rows."""
        folder = self.profile.landed / table
        named = {day: self.profile.name_of(folder / f"{day}{LANDED_SUFFIX}") for day, _ in texts}
        lines = pa.table(
            {
                "raw_text": pa.array([text for _, text in texts], pa.string()),
                "source_file": pa.array([named[day] for day, _ in texts], pa.string()),
            }
        )
        return read_lines(self.session, lines, self.profile, table, self.arrival_days(table, days))

    def segments(self) -> pa.Table:
        """customer_id and segment of all customers, as the last daily run assigned them."""
        if not self.lake.exists(keys.CUSTOMER_SEGMENTS):
            nobody = pa.array([], pa.string())
            return pa.table({"customer_id": nobody, "segment": nobody})
        rows = self.lake.read_as_stored(keys.CUSTOMER_SEGMENTS, self.session)
        return rows.select("customer_id", "segment").toArrow()

    def release(self) -> None:
        """Frees the memory."""
        for frame in self._kept:
            frame.unpersist()


@dataclass(frozen=True)
class CurrentTables:
    """The tables that states and features are computed from, for some customers, as a daily run
    over the open days would make them now.
    """

    view: LakeView
    customers: DataFrame
    splits: Mapping[str, Split]

    @classmethod
    def of(
        cls,
        view: LakeView,
        customer_ids: Sequence[str],
        texts: Mapping[str, Texts],
        days: Mapping[str, Sequence[date]],
    ) -> "CurrentTables":
        """`texts`: the customers' open rows by table. `days`: all days of open rows by table."""
        ids = pa.table({"customer_id": pa.array(customer_ids, pa.string())})
        customers = F.broadcast(view.session.createDataFrame(ids))
        splits = {
            name: _split(view, name, customers, view.rows(name, of_table, days[name]))
            for name, of_table in texts.items()
        }
        return cls(view, customers, splits)

    def read(self, key: str) -> DataFrame:
        """The rows of these customers in a validated table, or in features/daily_activity."""
        return self._frames[key]

    @cached_property
    def _frames(self) -> Mapping[str, DataFrame]:
        frames = {
            keys.validated(name): self._validated(name)
            for name in TABLES
            if self.view.has(keys.validated(name))
        }
        frames[keys.DAILY_ACTIVITY] = self._tiles(frames)
        return frames

    def _validated(self, name: str) -> DataFrame:
        key = keys.validated(name)
        closed = self._of_customers(self.view.closed[key])
        if name in self.splits:
            return closed.unionByName(
                self.splits[name].valid.select(closed.columns), allowMissingColumns=True
            )
        return closed.unionByName(
            self._of_customers(_open_part(self.view, key)).select(closed.columns)
        )

    def _tiles(self, validated: Mapping[str, DataFrame]) -> DataFrame:
        measures = available_measures(self.view.profile.tables)
        tables = {measure.table: validated[keys.validated(measure.table)] for measure in measures}
        anew = daily_activity(tables, measures, self.view.first_day, _LAST)
        closed = self._of_customers(self.view.closed[keys.DAILY_ACTIVITY])
        return closed.unionByName(anew.select(closed.columns))

    def _of_customers(self, frame: DataFrame) -> DataFrame:
        return frame.join(self.customers, "customer_id", "left_semi")

    def release(self) -> None:
        """Frees the memory."""
        for parts in self.splits.values():
            parts.release()


def _open_part(view: LakeView, key: str) -> DataFrame:
    """What the lake holds of the days that are made anew."""
    return view.read(key).where(F.col("arrival_date") >= F.lit(view.first_day))


def _split(view: LakeView, name: str, customers: DataFrame, rows: DataFrame) -> Split:
    key = keys.raw(name)
    table = TABLES[name]
    rules = rules_of(table, view.profile.start)
    if not view.has(key):
        return split(rows, table.key, rules)
    stored = _open_part(view, key).where("NOT is_gone").select(rows.columns)
    of_customers = stored.join(customers, "customer_id", "left_semi")
    earlier = view.closed[key].where("NOT is_gone")
    return split(rows.unionByName(of_customers), table.key, rules, earlier)
