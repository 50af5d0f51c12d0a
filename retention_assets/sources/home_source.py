"""The source that a home belongs to, and the format of its tables: written down when the source is
first read, compared from then on.

A home holds the tables, models and ledger of one source. Two sources in one home would mix.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from retention_assets import keys
from retention_assets.errors import SetupError
from retention_assets.settings import Settings, variable
from retention_assets.sources.profile import SIMULATED, Profile

FILE = "source.json"
FORMAT = 3  # goes up when tables of an earlier version can no longer be read or added to


@dataclass(frozen=True)
class HomeSource:
    """`name`: the profile's name. `source` and `data_dir`: what the settings of these names were
    when the home last read it, as absolute paths where they are files. `stream`: whether the
    profile has one.
    """

    name: str
    source: str
    data_dir: str | None
    format: int = FORMAT
    stream: bool = False


def home_source(home: Path) -> HomeSource | None:
    """The home's source; None if the home is new."""
    file = home / FILE
    if not file.exists():
        return None
    return HomeSource(**json.loads(file.read_text()))


def with_home_source(settings: Settings) -> Settings:
    """The settings with a source: the given one, else the home's, else the embedded one; and with
    its stream, if the home has read a source that has one.
    """
    owner = home_source(settings.home)
    if owner and owner.stream and settings.stream is None:
        settings = settings.model_copy(update={"stream": True})
    if settings.source is not None:
        return settings
    if owner is None:
        return settings.model_copy(update={"source": SIMULATED})
    recorded = Path(owner.data_dir) if owner.data_dir else None
    return settings.model_copy(
        update={"source": owner.source, "data_dir": settings.data_dir or recorded}
    )


def claim_home(settings: Settings, profile: Profile) -> None:
    """Writes down that the home belongs to this source.

    Raises SetupError if it belongs to another.
    """
    check_home(settings, profile)
    environment = settings.environment()
    source = HomeSource(
        name=profile.name,
        source=environment.get(variable("source"), profile.name),
        data_dir=environment.get(variable("data_dir")),
        stream=profile.stream is not None,
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    draft = settings.home / f"{FILE}.draft"
    draft.write_text(json.dumps(asdict(source), indent=2))
    draft.replace(settings.home / FILE)


def check_home(settings: Settings, profile: Profile) -> None:
    """Raises SetupError if the home has another source than this profile's, or tables of another
    version of the platform.
    """
    owner = home_source(settings.home)
    tiles = Path(settings.lake_root) / keys.DAILY_ACTIVITY
    if owner.format != FORMAT if owner else tiles.is_dir():
        raise SetupError(
            f"The tables in the home {settings.home} are of another version of the platform.",
            "Move the home away and run `retention run`: all of it is made anew from the source.",
        )
    if owner and owner.name != profile.name:
        other = settings.home.with_name(f"{settings.home.name}-{profile.name}")
        raise SetupError(
            f"The home {settings.home} holds the source {owner.name}, not {profile.name}.",
            f"Give {profile.name} a home of its own: RETENTION_HOME={other}. Or leave"
            f" RETENTION_SOURCE out to go on with {owner.name}.",
        )
