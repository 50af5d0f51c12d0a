"""Draws the import graph of the stages to docs/architecture.svg, from the code itself.

    python tools/architecture.py            write the picture
    python tools/architecture.py --check    exit 1 where the picture is outdated

A box is a folder of retention_assets/ (a stage) or one of its top-level modules. An arrow points
from a stage to one that it imports. Arrows that follow from others are left out: where A imports
B and B imports C, an import of C by A is not drawn. All imports stand in the file as a comment.
"""

import sys
from collections import defaultdict
from html import escape
from itertools import pairwise
from pathlib import Path

import grimp

PICTURE = Path(__file__).parents[1] / "docs" / "architecture.svg"
FOUNDATION = frozenset({"settings", "keys", "errors", "partitions"})
FOUNDATION_NAME = "settings, keys, errors, partitions"
MEANINGS = {
    "cli": "the retention command",
    "definitions": "composition root",
    "automation": "sensors, conditions, runs",
    "monitoring": "drift, retraining",
    "serving": "what is online",
    "decisions": "scores of all customers",
    "fraud": "the fraud task",
    "training": "the churn task",
    "tabular": "any labeled table",
    "value": "segments, lifetime value",
    "modeling": "learning machinery",
    "features": "declarations, engines",
    "validation": "rules, quarantine",
    "ingestion": "files to raw tables",
    "simulation": "the embedded source",
    "platform": "settings and profile",
    "sources": "profiles, contracts",
    "resources": "lake, registry, store",
    "services": "what a home runs",
    "serve": "the HTTP application",
    FOUNDATION_NAME: "known to everyone",
}
BOX_WIDTH = 168
BOX_HEIGHT = 44
ROW_HEIGHT = 92
GAP = 22
LANE_WIDTH = 14  # room for an arrow that passes a row without a box
MARGIN = 24
SWEEPS = 24

Edge = tuple[str, str]
Node = str | tuple[str, str, int]  # a box, or the point where an edge passes a row


def stage_imports() -> set[Edge]:
    """(importing stage, imported stage) of all imports at run time, between different stages."""
    graph = grimp.build_graph(
        "retention_assets", "serve", exclude_type_checking_imports=True, cache_dir=None
    )
    return {
        (_stage(importer), _stage(imported))
        for importer in graph.modules
        for imported in graph.find_modules_directly_imported_by(importer)
        if _stage(importer) != _stage(imported)
    }


def draw(edges: set[Edge]) -> str:
    """The SVG of these imports. Equal imports give equal text."""
    arrows = _without_implied(edges)
    ranks = _ranks(arrows)
    rows = _ordered_rows(arrows, ranks)
    centers = _centers(rows)
    height = 2 * MARGIN + (len(rows) - 1) * ROW_HEIGHT + BOX_HEIGHT
    width = round(2 * MARGIN + max(x + _width(node) / 2 for node, x in centers.items()))
    listed = "\n".join(f"{importer} -> {imported}" for importer, imported in sorted(edges))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="Helvetica, Arial, sans-serif">',
        f"<!-- Made by tools/architecture.py. All imports:\n{listed}\n-->",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto">'
        '<path d="M0 0 L8 4 L0 8 z" fill="#5b6b7f"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    lines += [_arrow(edge, ranks, centers) for edge in sorted(arrows)]
    lines += [_box(name, centers[name], rank) for name, rank in sorted(ranks.items())]
    return "\n".join([*lines, "</svg>"]) + "\n"


def _stage(module: str) -> str:
    package, *path = module.split(".")
    name = path[0] if package == "retention_assets" and path else package
    return FOUNDATION_NAME if name in FOUNDATION else name


def _without_implied(edges: set[Edge]) -> set[Edge]:
    """The edges that no longer path replaces (the transitive reduction)."""
    imported = defaultdict(set)
    for importer, target in edges:
        imported[importer].add(target)

    def reachable(start: str) -> set[str]:
        targets = set(imported[start])
        for target in imported[start]:
            targets |= reachable(target)
        return targets

    return {
        (importer, target)
        for importer, target in edges
        if not any(target in reachable(other) for other in imported[importer] - {target})
    }


def _ranks(arrows: set[Edge]) -> dict[str, int]:
    """Row of each box, 0 at the top: below everything that imports it."""
    importers = defaultdict(set)
    for importer, imported in arrows:
        importers[imported].add(importer)

    def rank(name: str) -> int:
        return 1 + max((rank(importer) for importer in importers[name]), default=-1)

    return {name: rank(name) for edge in sorted(arrows) for name in edge}


def _path(edge: Edge, ranks: dict[str, int]) -> list[Node]:
    """The edge's ends, and between them the rows that it passes."""
    importer, imported = edge
    passed = range(ranks[importer] + 1, ranks[imported])
    return [importer, *((importer, imported, row) for row in passed), imported]


def _ordered_rows(arrows: set[Edge], ranks: dict[str, int]) -> list[list[Node]]:
    """The rows, each sorted so that neighbors in the graph are close (barycenter heuristic)."""
    rows: list[list[Node]] = [[] for _ in range(max(ranks.values()) + 1)]
    neighbors: dict[Node, set[Node]] = defaultdict(set)
    for name, row in sorted(ranks.items()):
        rows[row].append(name)
    for edge in sorted(arrows):
        path = _path(edge, ranks)
        for row, node in enumerate(path[1:-1], start=ranks[edge[0]] + 1):
            rows[row].append(node)
        for upper, lower in pairwise(path):
            neighbors[upper].add(lower)
            neighbors[lower].add(upper)
    for _ in range(SWEEPS):
        for index in [*range(len(rows)), *reversed(range(len(rows)))]:
            centers = _centers(rows)

            def barycenter(node: Node, centers: dict[Node, float] = centers) -> float:
                near = [centers[neighbor] for neighbor in sorted(neighbors[node], key=str)]
                return sum(near) / len(near)

            rows[index].sort(key=barycenter)
    return rows


def _centers(rows: list[list[Node]]) -> dict[Node, float]:
    """Horizontal center of every node; rows are centered on the page."""
    widths = [sum(_width(node) + GAP for node in row) - GAP for row in rows]
    centers: dict[Node, float] = {}
    for row, width in zip(rows, widths, strict=True):
        left = MARGIN + (max(widths) - width) / 2
        for node in row:
            centers[node] = left + _width(node) / 2
            left += _width(node) + GAP
    return centers


def _width(node: Node) -> int:
    if isinstance(node, tuple):
        return LANE_WIDTH
    return BOX_WIDTH + 110 if node == FOUNDATION_NAME else BOX_WIDTH


def _top(row: int) -> int:
    return MARGIN + row * ROW_HEIGHT


def _arrow(edge: Edge, ranks: dict[str, int], centers: dict[Node, float]) -> str:
    importer, imported = edge
    y = _top(ranks[importer]) + BOX_HEIGHT
    path = _path(edge, ranks)
    data = f"M{centers[importer]:.0f} {y}"
    before = centers[importer]
    for row, node in enumerate(path[1:], start=ranks[importer] + 1):
        x = centers[node]
        bend = (y + _top(row)) // 2
        data += f" C{before:.0f} {bend} {x:.0f} {bend} {x:.0f} {_top(row)}"
        y = _top(row) + BOX_HEIGHT
        if node != imported:
            data += f" L{x:.0f} {y}"
        before = x
    return (
        f'<path d="{data}" fill="none" stroke="#5b6b7f" stroke-width="1.3" '
        f'marker-end="url(#head)"><title>{importer} imports {imported}</title></path>'
    )


def _box(name: str, center: float, row: int) -> str:
    width = _width(name)
    left = center - width / 2
    top = _top(row)
    fill = "#e8f3ec" if name == "serve" else "#eaf0f8"
    return (
        f'<rect x="{left:.0f}" y="{top}" width="{width}" height="{BOX_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="#34495e"/>'
        f'<text x="{center:.0f}" y="{top + 18}" text-anchor="middle" font-size="14" '
        f'font-weight="bold" fill="#1c2733">{escape(name)}</text>'
        f'<text x="{center:.0f}" y="{top + 35}" text-anchor="middle" font-size="11.5" '
        f'fill="#44525f">{escape(MEANINGS[name])}</text>'
    )


def main(arguments: list[str]) -> int:
    picture = draw(stage_imports())
    if "--check" not in arguments:
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(picture)
        print(f"Wrote {PICTURE}")
        return 0
    if PICTURE.exists() and PICTURE.read_text() == picture:
        return 0
    print(f"{PICTURE} is outdated. Fix: make architecture", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
