"""The stream as one Structured Streaming query: its checkpoint, its micro-batches, its end."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame

from retention_assets.errors import SetupError
from retention_assets.features.stream.progress import (
    StreamProgress,
    progress_file,
    write_progress,
)
from retention_assets.features.stream.update import StreamUpdate
from retention_assets.ingestion.reading import without_ansi_errors
from retention_assets.ingestion.stream.delivery import lines_of, open_stream
from retention_assets.ingestion.stream.open_rows import OpenRows
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore
from retention_assets.sources.profile import Profile
from retention_assets.sources.source_files import present_files

STARTING = "the process starts, or the source has no files yet"


@dataclass(frozen=True)
class Stream:
    """The stream of one home; `folder` has its state."""

    lake: Lake
    profile: Profile
    online: OnlineStore
    folder: Path

    def run(
        self,
        *,
        clock: Callable[[], float],
        patience_days: int,
        interval_s: float,
        is_ended: Callable[[], bool],
    ) -> None:
        """From when the source has files until `is_ended`. Raises what ends a micro-batch."""
        with _only_process(self.folder):
            self._note(StreamProgress(updated_at=clock(), problem=STARTING))
            while not present_files(self.profile):
                if is_ended():
                    return
                time.sleep(interval_s)
            session = without_ansi_errors(self.lake.spark)
            session.conf.set("spark.sql.streaming.numRecentProgressUpdates", "1")
            # The state of earlier micro-batches is of no use.
            session.conf.set("spark.sql.streaming.minBatchesToRetain", "10")
            lines = open_stream(session, self.profile)
            update = StreamUpdate(
                self.lake,
                self.profile,
                self.online,
                OpenRows(self.folder / "open_rows.db", self.profile.landed),
                session=session,
                patience_days=patience_days,
                clock=clock,
            )
            update.look()

            def take(batch: DataFrame, number: int) -> None:
                update.take(lines_of(batch), number)
                self._note(update.progress)

            writer = lines.writeStream.foreachBatch(take)
            writer = writer.option("checkpointLocation", str(self.folder / "checkpoint"))
            query = writer.trigger(processingTime=f"{interval_s} seconds").start()
            try:
                while not is_ended() and not query.awaitTermination(1):  # raises what ended it
                    update.look()
                    self._note(update.progress)
            finally:
                query.stop()

    def _note(self, progress: StreamProgress) -> None:
        write_progress(progress_file(self.folder), progress)


@contextmanager
def _only_process(folder: Path) -> Iterator[None]:
    """Raises SetupError while another process takes the same stream."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SetupError(
                f"Another process takes the stream of {folder} already.",
                "Stop it with `retention down`, or wait until it has ended.",
            ) from error
        yield
