"""A folder of JSON lines as a stream: files are taken once, and faulty ones are named."""

from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import DataFrame

from retention_assets.errors import ProfileError
from retention_assets.ingestion.stream.delivery import Line, lines_of, open_stream
from retention_assets.resources.lake import Lake
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile

MONDAY = date(2024, 3, 4)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return load_profile(Settings(home=tmp_path, source="simulated_live"))


def take(lake: Lake, profile: Profile, checkpoint: Path) -> list[Line]:
    """All lines that are there now and were not taken before."""
    lines: list[Line] = []

    def add(batch: DataFrame, number: int) -> None:
        lines.extend(lines_of(batch))

    writer = open_stream(lake.spark, profile).writeStream.foreachBatch(add)
    writer = writer.option("checkpointLocation", str(checkpoint))
    writer.trigger(availableNow=True).start().awaitTermination()
    return lines


def test_files_are_taken_once(lake: Lake, profile: Profile, tmp_path: Path) -> None:
    folder = profile.root / "stream" / "transactions"
    other = profile.root / "stream" / "fraud_reports"
    for place in (folder, other):
        place.mkdir(parents=True)
        (place / f"{MONDAY} a+b.jsonl").write_text('{"one": 1}\n{"two"')
    (folder / f".{MONDAY}-draft.jsonl").write_text("{}\n")
    (folder / "notes.jsonl").write_text("{}\n")
    (folder / f"{MONDAY}-bytes.jsonl").write_bytes(b'{"name": "\xff"}\n')
    lines = take(lake, profile, tmp_path / "checkpoint")
    sound = [line for line in lines if not line.fault]
    assert [(line.table, line.day, line.text) for line in sound] == [
        ("transactions", MONDAY, '{"one": 1}'),
        ("transactions", MONDAY, '{"two"'),
    ]
    assert {line.origin for line in sound} == {str(folder / f"{MONDAY} a+b.jsonl")}
    faults = {Path(line.origin).name: line.fault for line in lines if line.fault}
    assert faults == {
        "notes.jsonl": "has no day in its name",
        f"{MONDAY}-bytes.jsonl": "is not UTF-8 text",
    }
    (folder / f"{MONDAY}-later.jsonl").write_text("{}\n")
    assert [line.text for line in take(lake, profile, tmp_path / "checkpoint")] == ["{}"]


def test_source_without_stream_is_refused(lake: Lake, tmp_path: Path) -> None:
    profile = load_profile(Settings(home=tmp_path, source="simulated"))
    with pytest.raises(ProfileError, match="simulated has no stream"):
        open_stream(lake.spark, profile)
