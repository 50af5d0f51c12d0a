"""The whole graph on a small simulated source: real Spark, Delta, MLflow, Redis, Ray Serve, and Dagster's own daemon.

The tests follow one another on one home, as a user would: first run, second run, then new days arrive.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.definitions import build_definitions
from retention_assets.services.instance import open_instance
from retention_assets.simulation.simulator import FIRST_DATE, simulate
from retention_assets_tests.end_to_end.platforms import RunningPlatform, running_platform
from retention_assets_tests.test_readme import RUN_HERE
from retention_assets_tests.waiting import eventually

CUSTOMERS, DAYS, SHIFTED_DAYS = 1500, 150, 280
# Short windows, so that half a year holds enough matured weeks.
PROFILE = """
name: simulated
start: 2024-01-01
end: 2025-12-31
churn: {kind: cancellation, horizon_days: 30, reporting_lag_days: 0}
tables:
"""
TABLE = "  {name}: {{path: '{name}/*.parquet', day_from_filename: '(\\d{{4}}-\\d{{2}}-\\d{{2}})\\.parquet'}}\n"
TABLES = (
    "customers", "transactions", "support_tickets", "engagement_events", "churn_events", "campaign_contacts", "fraud_reports",
)  # fmt: skip

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    folder = tmp_path_factory.mktemp("simulated")
    profile = folder / "short_windows.yaml"
    profile.write_text(PROFILE + "".join(TABLE.format(name=name) for name in TABLES))
    # Seven in a hundred leave within 30 days: a contact must be cheap to pay for itself.
    economy = {
        "gap_days": 7,
        "min_history_days": 21,
        "test_weeks": 3,
        "contact_cost": 1.0,
        "bootstrap_rounds": 400,
    }
    knobs = {
        "simulated_customers": CUSTOMERS,
        "simulated_days": DAYS,
        "sensor_interval_s": 5,
        **economy,
    }
    with running_platform(folder / "home", source=str(profile), **knobs) as running:
        yield running


@pytest.fixture(scope="module")
def first_run(platform: RunningPlatform) -> dict:
    return platform.told("run")


def test_the_first_run_ends_with_a_champion_that_answers(
    platform: RunningPlatform, first_run: dict
) -> None:
    assert first_run["changed"] and first_run["watermark"] == str(
        FIRST_DATE + timedelta(days=DAYS - 1)
    )
    assert first_run["prediction"]["model_version"] == first_run["champion"]["version"] == "1"
    status = platform.told("status")
    assert all(service["up"] for service in status["services"].values())
    assert status["champion"]["churn"] == first_run["champion"]
    assert status["deployment"]["healthy"] and status["deployment"]["version"] == "1"


def test_every_asset_is_materialized_and_no_blocking_check_fails(
    platform: RunningPlatform, first_run: dict
) -> None:
    graph = build_definitions(platform.settings).resolve_asset_graph()
    with open_instance(platform.settings) as instance:
        missing = [key.to_user_string() for key in graph.materializable_asset_keys
                   if instance.get_latest_materialization_event(key) is None]  # fmt: skip
        latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(
            list(graph.asset_check_keys)
        )
    evaluations = {
        key: record.event.asset_check_evaluation for key, record in latest.items() if record.event
    }
    blocking = {key for key in graph.asset_check_keys if graph.get_check_spec(key).blocking}
    failed = [
        str(key)
        for key, said in evaluations.items()
        if key in blocking and not (said and said.passed)
    ]
    assert (missing, failed, blocking - evaluations.keys()) == ([], [], set())


def test_the_batch_score_is_the_http_score(platform: RunningPlatform, first_run: dict) -> None:
    scores = {row["customer_id"]: row for row in platform.rows("decisions/churn_scores")}
    asked = sorted(scores)[:200]
    answers = platform.http.post("/predict/batch", json={"customer_ids": asked}).json()[
        "predictions"
    ]
    assert [answer["customer_id"] for answer in answers] == asked
    for answer in answers:
        row = scores[answer["customer_id"]]
        assert answer["churn_probability"] == pytest.approx(row["churn_probability"], abs=1e-6)
        assert (
            answer["risk_level"] == row["risk_level"]
            and answer["model_digest"] == row["model_digest"]
        )


def test_whom_a_run_shows_is_at_the_highest_risk_of_those_who_are_still_there(
    platform: RunningPlatform, first_run: dict
) -> None:
    there = [row for row in platform.rows("decisions/churn_scores") if row["segment"] != "gone"]
    assert first_run["prediction"]["churn_probability"] == pytest.approx(
        max(row["churn_probability"] for row in there), abs=1e-6
    )
    assert first_run["prediction"]["customer_id"] in {row["customer_id"] for row in there}


def test_all_that_came_in_is_validated_or_in_quarantine(
    platform: RunningPlatform, first_run: dict
) -> None:
    counts = {
        name: [
            len(platform.rows(f"{stage}/{name}")) for stage in ("raw", "validated", "quarantine")
        ]
        for name in TABLES
    }
    assert {
        name: raw - validated - set_aside for name, (raw, validated, set_aside) in counts.items()
    } == dict.fromkeys(TABLES, 0)
    assert all(raw for raw, _, _ in counts.values())


def test_a_second_run_has_nothing_to_do_and_keeps_everything(
    platform: RunningPlatform, first_run: dict
) -> None:
    again = platform.told("run")
    assert not again["changed"]
    assert (
        again["champion"] == first_run["champion"]
        and again["prediction"]["model_digest"] == first_run["champion"]["digest"]
    )


def test_the_leaderboard_tells_each_figure_with_its_interval(
    platform: RunningPlatform, first_run: dict
) -> None:
    rows = platform.told("leaderboard")
    named = {row["candidate"] for row in rows}
    assert {
        "xgboost",
        "random_forest",
        "neural_network",
        "logistic_regression",
        "recency_only",
    } <= named
    for figure in ("auc", "average_precision", "brier", "ece", "profit"):
        assert all(row[f"{figure}_low"] <= row[figure] <= row[f"{figure}_high"] for row in rows)


@pytest.mark.parametrize("command", sorted(RUN_HERE))
def test_the_readmes_commands_work_as_they_stand(
    platform: RunningPlatform, first_run: dict, command: str
) -> None:
    done = platform.retention(*command.split()[1:])
    assert done.returncode == 0 and done.stdout, done.stderr


def test_make_run_again_reuses_all_of_it(platform: RunningPlatform, first_run: dict) -> None:
    done = platform.make("run")
    assert done.returncode == 0, done.stderr
    assert (
        "Nothing has changed since the last run" in done.stdout and "likely to leave" in done.stdout
    )


def test_new_days_with_a_concept_shift_end_in_a_better_model_that_answers(
    platform: RunningPlatform, first_run: dict
) -> None:
    """Nobody asks for anything here: days arrive, the daemon does the rest."""
    shift = FIRST_DATE + timedelta(days=DAYS)
    arrive(platform, shift)
    customer = first_run["prediction"]["customer_id"]

    def answers_anew() -> bool:
        answer = platform.http.post("/predict", json={"customer_id": customer})
        return answer.status_code == 200 and answer.json()["model_version"] != "1"

    assert eventually(answers_anew, seconds=1500), platform.told("status")
    answer = platform.http.post("/predict", json={"customer_id": customer}).json()
    status = platform.told("status")
    assert answer["model_version"] == status["champion"]["churn"]["version"]
    assert answer["model_digest"] == status["champion"]["churn"]["digest"]
    assert date.fromisoformat(status["watermark"]) == shift + timedelta(days=SHIFTED_DAYS - 1)
    with open_instance(platform.settings) as instance:
        training = instance.get_runs(dg.RunsFilter(job_name="training"))
    assert len(training) == 1 and "drifted" in training[0].tags["retention/reason"]


def arrive(platform: RunningPlatform, shift: date) -> None:
    """Writes the new days beside the folder and moves them in, as a delivery would."""
    settings = platform.settings
    delivered = Path(settings.home) / "delivery"
    simulate(
        delivered,
        customers=CUSTOMERS,
        days=DAYS + SHIFTED_DAYS,
        seed=settings.simulated_seed,
        first_day=DAYS,
        shift_on=shift,
    )
    for file in sorted(delivered.glob("*/*.parquet")):
        file.replace(settings.simulated_dir / file.parent.name / file.name)
