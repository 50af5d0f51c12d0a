"""The whole graph on the real invoices of a retailer, by the README's own command; skipped where the data is not there."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retention_assets_tests.end_to_end.platforms import RunningPlatform, running_platform

INVOICE_LINES = 541_909

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def platform(
    online_retail_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    home = tmp_path_factory.mktemp("online_retail") / "home"
    with running_platform(
        home,
        source="online_retail",
        data_dir=online_retail_dir,
        spark_memory="2g",
        clock_enabled=False,
    ) as running:
        done = running.make("run")
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        assert "likely to leave" in done.stdout
        yield running


def test_every_invoice_line_is_validated_or_in_quarantine_with_a_reason(
    platform: RunningPlatform,
) -> None:
    raw, validated, broken = (
        platform.count(f"{stage}/transactions") for stage in ("raw", "validated", "quarantine")
    )
    assert (raw, validated + broken) == (INVOICE_LINES, INVOICE_LINES)
    reasons = platform.rows("quarantine/transactions", ["quarantine_reason"])
    told = {reason for row in reasons for reason in row["quarantine_reason"].split("; ")}
    assert told == {
        "customer_id is missing", "amount must be > 0", "duplicate of an earlier row with the same transaction_id"
    }  # fmt: skip


def test_the_champion_ranks_real_customers_better_than_silence_alone(
    platform: RunningPlatform,
) -> None:
    rows = {row["candidate"]: row for row in platform.told("leaderboard")}
    champion = rows[platform.told("status")["champion"]["churn"]["candidate"]]
    assert champion["auc"] >= 0.74
    assert (
        champion["auc_low"] > rows["recency_only"]["auc"]
        and champion["brier_high"] < rows["recency_only"]["brier"]
    )
    assert 0.3 < champion["base_rate"] < 0.6


def test_what_the_source_lacks_is_absent_by_name(platform: RunningPlatform) -> None:
    (score, *_) = platform.rows("decisions/churn_scores")
    names = {reason["feature"] for reason in score["reasons"]}
    assert names and not names & {"login_frequency_30d", "plan_basic"}
    assert not (Path(platform.settings.lake_root) / "features" / "customer_behavior").exists()
