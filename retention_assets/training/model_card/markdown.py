"""The model card of a version as Markdown, from its document. Text only; reads nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from retention_assets.training.model_card.document import ModelDocument, term_rows
from retention_assets.training.model_card.record import ModelRecord, RowCount
from serve.states import CAN_LEAVE

METRICS = ("auc", "average_precision", "brier", "ece", "profit")
PART_COLUMNS = ("rows", "base_rate", "auc", "average_precision", "brier", "mean_error")
FIGURES_OF_REFIT = "of the same recipe, fitted without the untouched period and what came after"
NO_RECORD = "Nothing was recorded when this version was registered."
Row = Mapping[str, Any]


def card_markdown(document: ModelDocument) -> str:
    """The whole card."""
    record = document.record
    parts = [summary_markdown(document)]
    if record:
        parts += [_metrics(record), _stability(record), _slices(record), _promotion(record)]
    parts += [_champion(document), _features(document)]
    if record:
        parts += [_data_versions(document, record)]
    return "\n\n".join(parts) + "\n"


def summary_markdown(document: ModelDocument) -> str:
    """What the version is, what it was trained and judged on, and its limits."""
    version = document.version
    title = f"# Model {version.task}, version {version.version} ({version.candidate})"
    facts = "\n".join(f"- {name}: {value}" for name, value in _facts(document).items())
    return f"{title}\n\n{facts}\n\n{_limits(document)}"


def _facts(document: ModelDocument) -> dict[str, str]:
    card = document.card
    record = document.record
    trained = _span(card.trained_as_of, record.trained if record else None)
    judged = _span(card.test_as_of, record.tested if record else None)
    facts = {
        "Population": f"customers who are {' or '.join(CAN_LEAVE)} as of the day",
        "Trained on": trained,
        "Judged on the untouched period": judged,
        "Figures": FIGURES_OF_REFIT if card.refitted else "of this very model",
        "Label": _label(card.settings),
        "Contacts": "the probability is without contacts whose propensity is logged; others go on",
        "Source": card.source or "not recorded",
        "Seed": str(card.seed),
        "Digest": f"`{document.version.digest}`",
        "Registered": document.version.registered_at,
    }
    if record is None:
        return facts | {"Record": NO_RECORD}
    return facts | {
        "Data read through": record.watermark or "not recorded",
        "Code": str(record.code),
        "License": f"{record.code.license} (code); the terms of the source apply to its data",
    }


def _span(days: Sequence[str], rows: RowCount | None) -> str:
    period = f"as-of days {days[0]} to {days[-1]}" if days else "not recorded"
    if rows is None:
        return period
    return (
        f"{period}: {rows.rows:,} examples of {rows.entities:,} customers, "
        f"base rate {rows.base_rate:.1%}"
    )


def _label(settings: Mapping[str, Any]) -> str:
    if "horizon_days" not in settings:
        return "not recorded"
    return (
        f"whether the customer has left {settings['gap_days'] + settings['horizon_days']} days "
        f"after the day; a contact can help from {settings['gap_days']} days on"
    )


def _limits(document: ModelDocument) -> str:
    limits = [
        "It says who is likely to leave. It does not say whom a contact would keep.",
        "It is not for customers who have lapsed, left or are unknown: they get no score.",
        "It is not for decisions on credit, prices or access to a service, and not for fraud.",
        "It holds for this source, with its features as they were defined at the training.",
    ]
    if record := document.record:
        limits += [
            "Predicted and observed rates agree within "
            f"{record.calibration_tolerance:g} on the untouched period, where the gate "
            "`calibrated` passed; in another season they can differ by more.",
            f"Profit is assumed, not measured: {record.money_assumes_that}.",
        ]
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _metrics(record: ModelRecord) -> str:
    rows = [
        {"": row["candidate"], "kind": row["kind"]}
        | {name: _with_interval(row, name) for name in METRICS}
        for row in record.metrics
    ]
    base_rate = f"Base rate {record.tested.base_rate:.1%}. In brackets: 95 % interval by customer."
    return f"## Metrics on the untouched period\n\n{base_rate}\n\n{_table(rows)}"


def _stability(record: ModelRecord) -> str:
    rows = [{"as of": row["as_of"]} | _part(row) for row in record.weeks]
    return f"## Stability\n\n{_table(rows)}\n\n{_agreement(record)}"


def _agreement(record: ModelRecord) -> str:
    agreement = record.agreement
    if agreement is None:
        return "There was no champion before that reads the same features."
    correlation = agreement.rank_correlation
    value = "does not exist (constant scores)" if correlation is None else f"is {correlation:.3f}"
    return (
        f"The rank correlation with the scores of version {agreement.previous_version}, the "
        f"champion before, {value} on {agreement.rows:,} customers as of {agreement.as_of}, the "
        "newest day with examples."
    )


def _slices(record: ModelRecord) -> str:
    if not record.slices:
        return "## Slices\n\nNo slice is large enough to evaluate."
    rows = [{"slice": row["slice"]} | _part(row) for row in record.slices]
    return f"## Slices\n\nThe highest Brier score comes first.\n\n{_table(rows)}"


def _promotion(record: ModelRecord) -> str:
    rows = [
        {"gate": gate["gate"], "passed": "yes" if gate["passed"] else "no", "why": gate["reason"]}
        for gate in record.gates
    ]
    return f"## Promotion\n\n{record.reason}\n\n{_table(rows)}"


def _champion(document: ModelDocument) -> str:
    if not document.terms:
        return "## Champion\n\nIt was never champion."
    return f"## Champion\n\n{_table(term_rows(document.terms))}"


def _features(document: ModelDocument) -> str:
    features = document.card.features
    return f"## Features\n\n{len(features)}: {', '.join(features)}"


def _data_versions(document: ModelDocument, record: ModelRecord) -> str:
    fingerprints = document.card.data_versions
    rows = [
        {
            "table": key,
            "Delta version": version,
            "definition": record.definitions.get(key, "-"),
            "digest of the rows": fingerprints.get(key, "-"),
        }
        for key, version in record.tables.items()
    ]
    return f"## Data versions\n\n{_table(rows)}"


def _part(row: Row) -> dict[str, Any]:
    return {name: _figure(row.get(name), name) for name in PART_COLUMNS}


def _with_interval(row: Row, name: str) -> str:
    """Such as `0.812 [0.790, 0.834]`."""
    text = _figure(row.get(name), name)
    low = row.get(f"{name}_low")
    high = row.get(f"{name}_high")
    return text if low is None else f"{text} [{_figure(low, name)}, {_figure(high, name)}]"


def _figure(value: Any, name: str) -> str:
    if value is None:
        return "-"
    if name == "rows":
        return f"{value:,}"
    return f"{value:.0f}" if name == "profit" else f"{value:.3f}"


def _table(rows: Iterable[Row]) -> str:
    """A Markdown table; the columns are the keys of the first row."""
    rows = list(rows)
    names = list(rows[0]) if rows else []
    lines = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines
    )
