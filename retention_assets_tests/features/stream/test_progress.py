"""What the stream notes about itself."""

from pathlib import Path

from retention_assets.features.stream.progress import (
    Latencies,
    StreamProgress,
    progress_file,
    read_progress,
    write_progress,
)


def test_latency_ends_when_the_vector_is_written() -> None:
    latencies = Latencies()
    latencies.begin([("ann", 10.0), ("ann", 12.0), ("bob", 13.0)])
    assert latencies.quantile(0.5) is None and latencies.lag(now=15.0) == 5.0
    latencies.add(latencies.take(["ann"]), now=16.0)
    assert latencies.quantile(0.99) == 6.0 and latencies.lag(now=17.0) == 4.0
    latencies.add(latencies.take(["bob", "nobody"]), now=20.0)
    assert latencies.lag(now=100.0) == 7.0


def test_progress_survives_its_process(tmp_path: Path) -> None:
    file = progress_file(tmp_path / "stream")
    assert read_progress(file) is None
    progress = StreamProgress(rows=3, quarantined_by_reason={"amount is missing": 1})
    write_progress(file, progress)
    assert read_progress(file) == progress
