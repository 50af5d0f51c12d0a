"""What a model is made from: tables by Delta version, definitions, watermark and code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retention_assets import keys
from retention_assets.resources.code_version import CodeVersion, code_version
from retention_assets.resources.small_tables import read_small, table_version

if TYPE_CHECKING:
    from retention_assets.modeling.task import Task
    from retention_assets.sources.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """`tables`: asset key -> Delta version. `definitions`: asset key -> digest of what the table
    is made by. `watermark`: the day through which data had been read.
    """

    code: CodeVersion = field(default_factory=CodeVersion)
    tables: Mapping[str, int] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    watermark: str | None = None


NOT_RECORDED = Provenance()


def example_inputs(profile: "Profile") -> list[str]:
    """Keys of the tables that examples are computed from."""
    others = [name for name in ("churn_labels", "campaign_contacts") if profile.has(name)]
    facts = [keys.validated(name) for name in (*profile.state_tables, *others)]
    return [keys.DAILY_ACTIVITY, keys.WATERMARK, *facts]


def tables_of_model(profile: "Profile", task: "Task") -> list[str]:
    """Keys of the tables that a promotion reads, and of those that the examples come from."""
    scores = [keys.churn_candidate(candidate.name) for candidate in task.candidates]
    return [task.examples, *scores, *example_inputs(profile)]


def read_provenance(
    lake_root: str, tables: Sequence[str], definitions: Mapping[str, str]
) -> Provenance:
    """The provenance as of now, of the tables that exist."""
    versions = {key: table_version(lake_root, key) for key in tables}
    watermark = read_small(lake_root, keys.WATERMARK, ("watermark",))
    days = watermark["watermark"].to_pylist() if watermark else []
    return Provenance(
        code=code_version(),
        tables={key: version for key, version in versions.items() if version is not None},
        definitions={key: definitions[key] for key in tables if key in definitions},
        watermark=str(days[0]) if days else None,
    )
