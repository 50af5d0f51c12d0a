"""The Markdown of a model card: each figure in its place, and versions without a record."""

from dataclasses import replace

import pytest

from retention_assets.resources.champion_history import ChampionTerm
from retention_assets.resources.code_version import CodeVersion
from retention_assets.resources.registry import ModelVersion
from retention_assets.training.model_card.document import ModelDocument
from retention_assets.training.model_card.markdown import NO_RECORD, card_markdown, summary_markdown
from retention_assets.training.model_card.record import ModelRecord, RankAgreement, RowCount
from retention_assets_tests.serve import bundles
from serve.model.card import Card

RECORD = ModelRecord(
    code=CodeVersion("0.1.0", "Apache-2.0", "abc123", modified=True),
    watermark="2024-06-30",
    tables={"training/churn_examples": 12, "features/daily_activity": 40},
    definitions={"training/churn_examples": "d1", "features": "f1"},
    trained=RowCount(rows=12345, entities=678, base_rate=0.1234),
    tested=RowCount(rows=900, entities=300, base_rate=0.1),
    calibration_tolerance=0.03,
    money_assumes_that="a contact costs 8",
    reason="xgboost passed 7 gates.",
    gates=[{"gate": "has_signal", "passed": True, "reason": "AUC | .8", "figures": {}}],
    metrics=[
        {
            "candidate": "xgboost",
            "kind": "candidate",
            "auc": 0.8,
            "auc_low": 0.75,
            "auc_high": 0.85,
        },
        {"candidate": "nobody", "kind": "baseline", "auc": 0.5},
    ],
    weeks=[{"as_of": "2024-05-06", "rows": 1300, "base_rate": 0.1, "auc": None, "brier": 0.08}],
    slices=[{"slice": "plan_basic", "rows": 400, "base_rate": 0.2, "auc": 0.7}],
    agreement=RankAgreement(
        previous_version="2", as_of="2024-05-06", rows=300, rank_correlation=0.9412
    ),
)
TERM = ChampionTerm(
    version="3",
    digest="d3",
    began_at="2024-07-01T08:00:00+00:00",
    began_watermark="2024-06-30",
    reason="xgboost passed 7 gates.",
)
CARD = Card.model_validate(
    bundles.card(
        seed=7,
        source="shop",
        trained_as_of=["2024-01-01", "2024-04-01"],
        test_as_of=["2024-05-06", "2024-05-20"],
        settings={"gap_days": 14, "horizon_days": 30},
        data_versions={"training/churn_examples": "rows1"},
    )
)
VERSION = ModelVersion("churn", "3", "d3", "xgboost", registered_at="2024-07-01T08:00:00+00:00")
DOCUMENT = ModelDocument(VERSION, CARD, RECORD, [TERM])


@pytest.mark.parametrize(
    "line",
    [
        "# Model churn, version 3 (xgboost)",
        "- Population: customers who are active or returned as of the day",
        "- Trained on: as-of days 2024-01-01 to 2024-04-01: 12,345 examples of 678 customers, base "
        "rate 12.3%",
        "- Judged on the untouched period: as-of days 2024-05-06 to 2024-05-20: 900 examples of 300"
        " customers, base rate 10.0%",
        "- Seed: 7",
        "- Source: shop",
        "- Data read through: 2024-06-30",
        "- Code: commit abc123, with changes that are not committed",
        "- Profit is assumed, not measured: a contact costs 8.",
        "| xgboost | candidate | 0.800 [0.750, 0.850] | - | - | - | - |",
        "| nobody | baseline | 0.500 | - | - | - | - |",
        "| 2024-05-06 | 1,300 | 0.100 | - | - | 0.080 | - |",
        "| plan_basic | 400 | 0.200 | 0.700 | - | - | - |",
        "| has_signal | yes | AUC / .8 |",
        "| 3 | 2024-07-01T08:00:00+00:00 | now | 2024-06-30 | xgboost passed 7 gates. |",
        "3: recency_days, engagement_score, support_tickets_30d",
        "| training/churn_examples | 12 | d1 | rows1 |",
        "| features/daily_activity | 40 | - | - |",
    ],
)
def test_card_has_each_fact_in_its_line(line: str) -> None:
    assert line in card_markdown(DOCUMENT).splitlines()


def test_card_compares_with_the_champion_before() -> None:
    assert "scores of version 2, the champion before, is 0.941 on 300 customers as of" in (
        card_markdown(DOCUMENT)
    )
    alone = replace(DOCUMENT, record=RECORD.model_copy(update={"agreement": None}))
    assert "There was no champion before that reads the same features." in card_markdown(alone)


def test_summary_is_the_start_of_the_card() -> None:
    summary = summary_markdown(DOCUMENT)
    assert card_markdown(DOCUMENT).startswith(summary)
    assert "## Limits" in summary and len(summary) < 5000


def test_version_without_record_says_so() -> None:
    card = card_markdown(replace(DOCUMENT, record=None, terms=[]))
    assert f"- Record: {NO_RECORD}" in card
    assert "It was never champion." in card
    assert "## Metrics" not in card
