"""The rows of the catalog, and its page. Values in, values out: no tables, no models."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from retention_assets.features.availability import why_missing
from retention_assets.features.expressions import days_needed
from retention_assets.features.feature import Feature
from retention_assets.features.measures import SourceTables

HEADER = (
    "| Feature | Group | Window (days) | Unknown | Drift | Importance | Meaning |\n"
    "| --- | --- | ---: | ---: | ---: | ---: | --- |"
)
HEADER_OF_LEFT_OUT = (
    "| Feature | Group | Window (days) | Unknown | Left out because | Meaning |\n"
    "| --- | --- | ---: | ---: | --- | --- |"
)


@dataclass(frozen=True)
class CatalogRow:
    """One feature today; columns.py has the meaning of each field."""

    feature: str
    feature_group: str
    meaning: str
    window_days: int | None
    unknown_share: float | None
    drift: float | None
    has_drifted: bool | None
    importance: float | None
    left_out_because: str | None


@dataclass(frozen=True)
class ShiftOfFeature:
    """What the drift report says of one feature."""

    effect: float
    has_drifted: bool


def catalog_rows(
    declarations: Iterable[Feature],
    tables: SourceTables,
    *,
    unknown: Mapping[str, float],
    shifts: Mapping[str, ShiftOfFeature],
    importance: Mapping[str, float],
) -> list[CatalogRow]:
    """A row per feature, in declared order. `unknown`: share of customers by feature."""
    return [
        CatalogRow(
            feature=item.name,
            feature_group=item.group,
            meaning=item.meaning,
            window_days=days_needed(item.expression),
            unknown_share=unknown.get(item.name),
            drift=shifts[item.name].effect if item.name in shifts else None,
            has_drifted=shifts[item.name].has_drifted if item.name in shifts else None,
            importance=importance.get(item.name),
            left_out_because=left_out_because(item, tables),
        )
        for item in declarations
    ]


def left_out_because(feature: Feature, tables: SourceTables) -> str | None:
    """Why models of a source with these tables do not read the feature; None if they do."""
    missing = why_missing(feature, tables)
    return f"It cannot be computed: {missing}." if missing else feature.left_out_because


def catalog_page(rows: Sequence[CatalogRow]) -> str:
    """The catalog as Markdown: what models read, the most important first; then the rest."""
    read = [row for row in rows if row.left_out_because is None]
    left_out = [row for row in rows if row.left_out_because is not None]
    read.sort(key=lambda row: -(row.importance or 0.0))
    lines = [
        f"### Models read {len(read)} features",
        HEADER,
        *(_line_of_input(row) for row in read),
        f"### Models do not read {len(left_out)} features",
        HEADER_OF_LEFT_OUT,
        *(_line_of_left_out(row) for row in left_out),
    ]
    return "\n".join(f"\n{line}\n" if line.startswith("#") else line for line in lines)


def _line_of_input(row: CatalogRow) -> str:
    shift = "" if row.drift is None else f"{row.drift:.2f}"
    mark = " (drifted)" if row.has_drifted else ""
    importance = "" if row.importance is None else f"{row.importance:.4f}"
    return _line(*_facts(row), shift + mark, importance, row.meaning)


def _line_of_left_out(row: CatalogRow) -> str:
    return _line(*_facts(row), row.left_out_because or "", row.meaning)


def _facts(row: CatalogRow) -> tuple[str, str, str, str]:
    window = "all" if row.window_days is None else str(row.window_days)
    unknown = "" if row.unknown_share is None else f"{row.unknown_share:.1%}"
    return f"`{row.feature}`", row.feature_group, window, unknown


def _line(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
