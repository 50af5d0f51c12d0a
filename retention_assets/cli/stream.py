"""The service that takes the stream of a home. `retention up` starts it; supervisor restarts it."""

import signal
import sys
import time
from threading import Event

from retention_assets.errors import RetentionError
from retention_assets.features.store import FeatureStore
from retention_assets.platform import Platform
from retention_assets.settings import Settings


def main() -> None:
    """Runs until SIGTERM."""
    settings = Settings()
    settings = settings.model_copy(update={"spark_memory": settings.stream_memory})
    ended = Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    try:
        platform = Platform.of(settings)
        FeatureStore.of(settings).update_features_streaming(
            platform.settings.stream_dir,
            clock=time.time,
            patience_days=settings.patience_days,
            interval_s=settings.stream_interval_s,
            is_ended=ended.is_set,
        )
    except RetentionError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
