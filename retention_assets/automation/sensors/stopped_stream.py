"""Starts the stream again when its process has stopped for good, and observes its progress."""

import dagster as dg

from retention_assets import keys
from retention_assets.features.stream.progress import (
    progress_file,
    progress_metadata,
    read_progress,
)
from retention_assets.platform import Platform
from retention_assets.resources.metadata import asset_key
from retention_assets.services import catalog as services


def stopped_stream(platform: Platform) -> dg.SensorDefinition:
    settings = platform.settings

    @dg.sensor(
        name="stopped_stream",
        asset_selection=dg.AssetSelection.assets(asset_key(keys.STREAM)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=settings.sensor_interval_s,
    )
    def stopped_stream() -> dg.SensorResult:
        """Supervisor restarts the process when it dies, and gives up if that fails twice in a row.
        Then this starts it again at each tick. Each tick also records the progress.
        """
        state = services.state_of(settings, services.STREAM)
        if state in services.FAILED_STATES:
            services.restart(settings, services.STREAM)
            message = f"The stream was {state.lower()} and is started again."
        else:
            message = "The stream runs." if state else "The services of this home are down."
        progress = read_progress(progress_file(settings.stream_dir))
        observations = (
            [dg.AssetObservation(asset_key(keys.STREAM), metadata=progress_metadata(progress))]
            if progress
            else []
        )
        return dg.SensorResult(skip_reason=message, asset_events=observations)

    return stopped_stream
