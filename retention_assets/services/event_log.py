"""Dagster's sqlite event log, which stores a run over many partitions in few, small rows.

A run over 400 days of 20 assets has 18,000 events and 130 checks. Dagster's own storage commits
four times per event, repeats every event in the run's own log, and plans each check for each day.
Here a batch of events is one commit, the run's log holds one event per asset, and a check that
covers the whole range is planned once. The home's dagster.yaml names this class.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from threading import RLock
from typing import Any

from dagster import DagsterEventType, EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, delete, func, select

BATCH_SIZE = 1000
MOST_VARIABLES = 500  # of one sqlite statement; older versions allow 999
_WRITING = RLock()  # steps of a run write from several threads; sqlite takes one writer


class BatchedSqliteEventLogStorage(SqliteEventLogStorage):
    """`SqliteEventLogStorage` that stores the asset events of a batch together."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "BatchedSqliteEventLogStorage":
        # Dagster only batches when this is set, and reads it only from the environment.
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(BATCH_SIZE))
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event: EventLogEntry) -> None:
        with _WRITING:
            super().store_event(event)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """The asset events in one transaction per database, the others one by one."""
        with _WRITING:
            for run_id in dict.fromkeys(event.run_id for event in events):
                of_run = [event for event in events if event.run_id == run_id]
                asset_events = [event for event in of_run if _is_asset_event(event)]
                if asset_events:
                    self._store_asset_events(run_id, asset_events)
                for event in of_run:
                    if not _is_asset_event(event):
                        super().store_event(event)

    def _store_asset_events(self, run_id: str, events: Sequence[EventLogEntry]) -> None:
        insert = SqlEventLogStorageTable.insert()
        latest = _latest_by_asset(events)
        with self.run_connection(run_id) as connection:
            rows = [self._event_to_row(events[place]) for place in sorted(latest)]
            connection.execute(insert, rows)
        with self.index_transaction() as connection:
            newest = connection.execute(select(func.max(SqlEventLogStorageTable.c.id))).scalar()
            ids = range((newest or 0) + 1, (newest or 0) + 1 + len(events))
            stored = [
                event if place in latest else _without_step(event)
                for place, event in enumerate(events)
            ]
            rows = [
                {"id": key, **self._event_to_row(event), "step_key": original.step_key}
                for key, event, original in zip(ids, stored, events, strict=True)
            ]
            connection.execute(insert, rows)
            self._store_asset_event_tags(connection, stored, ids)
            _delete_plans(connection, run_id, events)
            # The asset table keeps an asset's latest event only.
            for place in latest:
                self._store_asset_event(connection, events[place], ids[place])

    def _store_asset_check_evaluation_planned(
        self, event: EventLogEntry, event_id: int | None
    ) -> None:
        """Plans a check once per run, as it is evaluated: our checks cover a run's whole range."""
        planned = event.get_dagster_event().event_specific_data
        assert isinstance(planned, AssetCheckEvaluationPlanned)
        subset = planned.partitions_subset
        if subset is not None:
            once = AssetCheckEvaluationPlanned(
                asset_key=planned.asset_key, check_name=planned.check_name, partitions_subset=None
            )
            dagster_event = event.get_dagster_event()._replace(event_specific_data=once)
            event = event._replace(dagster_event=dagster_event)
        super()._store_asset_check_evaluation_planned(event, event_id)


def _delete_plans(connection: Connection, run_id: str, events: Sequence[EventLogEntry]) -> None:
    """Deletes the plans of partitions that are now materialized: they only tell what is missing."""
    partitions: dict[str, list[str]] = {}
    for event in events:
        dagster_event = event.get_dagster_event()
        key = dagster_event.asset_key
        if dagster_event.is_step_materialization and dagster_event.partition and key:
            partitions.setdefault(key.to_string(), []).append(dagster_event.partition)
    table = SqlEventLogStorageTable
    for key, names in partitions.items():
        of_asset = (
            delete(table)
            .where(table.c.run_id == run_id)
            .where(table.c.asset_key == key)
            .where(
                table.c.dagster_event_type == DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
            )
        )
        for start in range(0, len(names), MOST_VARIABLES):
            connection.execute(
                of_asset.where(table.c.partition.in_(names[start : start + MOST_VARIABLES]))
            )


def _is_asset_event(event: EventLogEntry) -> bool:
    if not event.is_dagster_event or event.dagster_event_type not in ASSET_EVENTS:
        return False
    return event.get_dagster_event().asset_key is not None


def _latest_by_asset(events: Iterable[EventLogEntry]) -> set[int]:
    """Places of each asset's last event of each type."""
    places: dict[tuple[Any, DagsterEventType | None], int] = {}
    for place, event in enumerate(events):
        places[event.get_dagster_event().asset_key, event.dagster_event_type] = place
    return set(places.values())


def _without_step(event: EventLogEntry) -> EventLogEntry:
    """The event of a partition without what its asset's last event says too: step, op, message."""
    slim = event.get_dagster_event()._replace(
        logging_tags={}, step_handle=None, node_handle=None, message=None, pid=None
    )
    return event._replace(dagster_event=slim, user_message="")
