"""Which files are due."""

from datetime import date
from pathlib import Path

from retention_assets.automation.backlog import due_files
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.sources.source_files import present_files


def test_newest_day_of_a_simulated_stream_goes_on(tmp_path: Path) -> None:
    platform = Platform.of(Settings(home=tmp_path, source="simulated_live"))
    for table, day in (("transactions", 5), ("churn_events", 6), ("transactions", 6)):
        file = platform.profile.landed / table / f"2024-03-0{day}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n")
    files = present_files(platform.profile)
    assert len(files) == 3
    assert [(file.table, file.day) for file in due_files(platform, files)] == [
        ("transactions", date(2024, 3, 5))
    ]
