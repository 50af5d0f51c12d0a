"""The report of a table's training: a document for machines, and an HTML page with pictures."""

import base64
from collections import Counter
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from retention_assets.modeling.evaluation.leaderboard import WITH_INTERVAL
from retention_assets.modeling.evaluation.metrics import Confusion
from retention_assets.modeling.plots import candidate_figure, leaderboard_figure
from retention_assets.tabular.encoding.encoding import Encoding
from retention_assets.tabular.table import FlatTable, Roles
from retention_assets.tabular.training import TableResult, WrittenModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem }}
body {{ padding: 0 1rem; color: #222 }}
table {{ border-collapse: collapse; margin: .5rem 0 1.5rem }}
td, th {{ padding: .2rem .8rem; text-align: left; vertical-align: top }}
tr + tr {{ border-top: 1px solid #ddd }} img {{ max-width: 100% }} .no {{ color: #a00 }}
</style></head><body>{body}</body></html>
"""


def report_of(
    table: FlatTable, second: FlatTable | None, roles: Roles, result: TableResult
) -> dict[str, Any]:
    """The document: every figure of the untouched rows, at natural prevalence, with base rate."""
    split = result.split
    decision = result.decision
    test = result.comparison.test
    evaluation = result.evaluations[result.comparison.challenger]
    encoding = result.model.encoding
    return {
        "table": table.name,
        "test_table": second.name if second else None,
        "assumed": str(table.dialect),
        "test_assumed": str(second.dialect) if second else None,
        "label": roles.label,
        "positive": table.positive,
        "label_values": {
            "positive": sorted(table.labels.yes) if table.labels else [],
            "negative": sorted(table.labels.no) if table.labels else [],
        },
        "rows": {
            "given": len(table) + table.unlabeled,
            "without_label": table.unlabeled,
            "trained": int(split.train.sum()),
            "untouched": len(test),
            "same_identifier_as_untouched": result.parts.same_identifier,
            "purged": result.parts.purged,
            "scored": len(result.scored[0]),
        },
        "base_rate": float(test.y.mean()),
        "base_rate_trained": result.base_rate_trained,
        "split": result.parts.sentence,
        "window": _window(result),
        "warnings": _warnings(table, result),
        "folds": len(split.folds),
        "chosen_on": split.chosen_on,
        "features": list(encoding.features),
        "refused_columns": dict(encoding.refused),
        "suspect_columns": dict(encoding.suspects),
        **cell_counts([table, *([second] if second else [])], roles, encoding),
        "leaderboard": result.comparison.leaderboard(),
        "profit_assumes_that": result.comparison.task.utility.assumption,
        "chosen": result.comparison.challenger,
        "promoted": decision.promoted,
        "reason": decision.reason,
        "gates": [
            {"gate": gate.name, "passed": gate.passed, "reason": gate.reason}
            for gate in decision.gates
        ],
        "threshold": evaluation.threshold,
        "at_threshold": Confusion.of(test.y, evaluation.p, evaluation.threshold).rates(),
        "model": model_entry(result.model),
    }


def model_entry(model: WrittenModel) -> dict[str, Any]:
    """Which model the folder has. `name`: refit, or tested where the two do not agree or are the
    same. The figures of the report are always those of the tested model.
    """
    return {
        "digest": model.digest,
        "folder": "model",
        "name": "refit" if model.is_refit else "tested",
        "rows": model.rows,
        "sentence": model.sentence,
    }


def cell_counts(tables: list[FlatTable], roles: Roles, encoding: Encoding) -> dict[str, Any]:
    """Counts over all rows of both files, by column."""
    null_words = Counter({roles.label: sum(table.null_labels for table in tables)})
    new_words: Counter[str] = Counter()
    unread: dict[str, list[str]] = {}
    for table in tables:
        new_words.update(encoding.new_words(table))
        null_words.update(encoding.null_words(table))
        for name, texts in encoding.unread(table).items():
            unread.setdefault(name, []).extend(texts)
    return {
        "number_formats": {name: str(form) for name, form in encoding.numbers.items() if str(form)},
        "null_words": {name: count for name, count in null_words.items() if count},
        "unread_cells": {name: len(texts) for name, texts in unread.items()},
        "new_words": dict(new_words),
        "unread_examples": {name: texts[0] for name, texts in unread.items()},
    }


def notes_of(report: dict[str, Any]) -> list[str]:
    """What the reader must know of how the files were read, one sentence each."""
    notes = [f"{report['table']} assumed: {report['assumed']}."]
    if report["test_table"]:
        notes.append(f"{report['test_table']} assumed: {report['test_assumed']}.")
    labels = report["label_values"]
    notes.append(
        f"Label {report['label']}: {', '.join(labels['positive'])} counts as yes, "
        f"{', '.join(labels['negative'])} as no; "
        f"{report['rows']['without_label']:,} rows have no label and are left out."
    )
    notes += report["warnings"]
    notes += [f"{name} is read with {form}." for name, form in report["number_formats"].items()]
    notes += [
        f"{count:,} cells of {name} are words such as NA or NULL and count as blank."
        for name, count in report["null_words"].items()
    ]
    notes += [
        f"{count:,} cells of {name} are no numbers and count as unknown, "
        f"for example {report['unread_examples'][name]}."
        for name, count in report["unread_cells"].items()
    ]
    notes += [
        f"{count:,} cells of {name} have words that no training row has."
        for name, count in report["new_words"].items()
    ]
    return notes


def page_of(report: dict[str, Any], result: TableResult) -> str:
    """The report as one self-contained HTML page. Text from the table is escaped."""
    chosen = report["chosen"]
    test = result.comparison.test
    pictures = (
        candidate_figure(test.y, result.evaluations[chosen].p, chosen),
        leaderboard_figure(result.comparison),
    )
    state = "promoted" if report["promoted"] else "not promoted"
    at = report["at_threshold"]
    title = f"{report['table']}: {report['label']} = {report['positive']}"
    mark = "" if report["promoted"] else " class=no"
    features = escape(", ".join(report["features"]))
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p><b>{escape(chosen)}</b> was chosen on the folds and is <b{mark}>{state}</b>. "
        f"{escape(report['reason'])}</p>",
        f"<p>Base rate of the {report['rows']['untouched']:,} untouched rows: "
        f"{report['base_rate']:.1%} ({report['base_rate_trained']:.1%} of those trained on). "
        f"{escape(report['split'])} "
        f"At the threshold {report['threshold']:.3f}: "
        f"precision {at['precision']:.1%}, recall {at['recall']:.1%}.</p>",
        f"<p>{escape(report['model']['sentence'])}</p>",
        "<h2>Untouched rows, each scored once</h2>",
        _table(
            ["candidate", *WITH_INTERVAL, "accuracy"], [_line(row) for row in report["leaderboard"]]
        ),
        f"<p>Profit per 1,000 rows assumes that {escape(report['profit_assumes_that'])}.</p>",
        *(f'<p><img alt="" src="data:image/png;base64,{_png(figure)}"></p>' for figure in pictures),
        "<h2>Gates</h2>",
        _table(
            ["gate", "", "why"],
            [[gate["gate"], _mark(gate["passed"]), gate["reason"]] for gate in report["gates"]],
        ),
        "<h2>Rows</h2>",
        _table(
            ["", "rows"],
            [[name.replace("_", " "), f"{count:,}"] for name, count in report["rows"].items()],
        ),
        f"<h2>{len(report['features'])} features</h2><p>{features}</p>",
        "<h2>How the cells were read</h2>",
        "".join(f"<p>{escape(note)}</p>" for note in notes_of(report)),
        "<h2>Columns to check</h2>",
        _table(
            ["column", "because it"],
            [[name, why] for name, why in report["suspect_columns"].items()] or [["none", ""]],
        ),
        "<h2>Columns refused</h2>",
        _table(
            ["column", "because it"],
            [[name, why] for name, why in report["refused_columns"].items()] or [["none", ""]],
        ),
    ]
    return PAGE.format(title=escape(report["table"]), body="\n".join(parts))


def _warnings(table: FlatTable, result: TableResult) -> list[str]:
    """What makes the figures better or worse than they will be in use."""
    if table.days is None or result.comparison.task.label_window:
        return []
    rows_by_identifier = Counter(table.identifiers.tolist())
    if len(rows_by_identifier) == len(table):
        return []
    return [
        "Rows of one identifier have several days. If a label is decided later than on the day "
        "after its row, give --gap and --horizon: training rows whose label depends on the "
        "untouched period are then left out."
    ]


def _window(result: TableResult) -> dict[str, int] | None:
    window = result.comparison.task.label_window
    return window and {"gap_days": window.gap_days, "horizon_days": window.horizon_days}


def _line(row: dict[str, Any]) -> list[str]:
    def figure(name: str) -> str:
        digits = 0 if name == "profit" else 3
        low = row[f"{name}_low"]
        high = row[f"{name}_high"]
        return f"{row[name]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"

    return [row["candidate"], *map(figure, WITH_INTERVAL), f"{row['accuracy']:.3f}"]


def _mark(passed: bool) -> str:
    return "passed" if passed else "stopped"


def _table(titles: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(title.replace('_', ' '))}</th>" for title in titles)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _png(figure: "Figure") -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=90, metadata={"Software": None})
    return base64.b64encode(buffer.getvalue()).decode()
