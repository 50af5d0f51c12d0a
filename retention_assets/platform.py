"""What every stage's assets are built for: the settings, the source profile and the clock of one code location."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retention_assets.automation import Clock
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from retention_assets.ingestion.profiles import Profile


@dataclass(frozen=True)
class Platform:
    """One code location: who supplies the data, by which knobs, on which clock."""

    settings: Settings
    profile: "Profile"
    clock: Clock
