"""What every stage's assets are built for: the settings, the source profile and the clock of one code location."""

from dataclasses import dataclass

from retention_assets.automation import Clock, clock
from retention_assets.ingestion.profiles import Profile, load_profile
from retention_assets.settings import Settings


@dataclass(frozen=True)
class Platform:
    """One code location: who supplies the data, by which knobs, on which clock."""

    settings: Settings
    profile: Profile
    clock: Clock

    @classmethod
    def of(cls, settings: Settings) -> "Platform":
        profile = load_profile(settings)
        return cls(settings, profile, clock(profile.start, profile.end))
