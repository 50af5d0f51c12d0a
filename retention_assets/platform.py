"""What every stage's assets are built from: settings, source profile and partitions."""

from dataclasses import dataclass

from retention_assets.partitions import Partitions, partitions_of
from retention_assets.settings import Settings
from retention_assets.sources.home_source import check_home, with_home_source
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.profile import Profile


@dataclass(frozen=True)
class Platform:
    """One code location: its settings, the profile of its source, and its partitions."""

    settings: Settings
    profile: Profile
    partitions: Partitions

    @classmethod
    def of(cls, settings: Settings) -> "Platform":
        """Loads the profile. Raises ProfileError if it is not valid, SetupError if the home
        belongs to another source.
        """
        settings = with_home_source(settings)
        profile = load_profile(settings)
        check_home(settings, profile)
        if profile.stream is None:
            settings = settings.model_copy(update={"stream": None})
        elif settings.stream is None:
            settings = settings.model_copy(update={"stream": True})
        return cls(settings, profile, partitions_of(profile.start, profile.end))
