"""decisions/churn_scores on a real lake and registry: each customer is scored exactly once."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.decisions import assets as decisions
from retention_assets.keys import CHURN_SCORES as SCORES
from retention_assets.platform import Platform
from retention_assets.resources.lake import Lake
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests.resources.models import promoted
from retention_assets_tests.runs import check_results, materialized
from retention_assets_tests.services.current import AS_OF, Vector, fill
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED, UNKNOWN

CUSTOMERS: dict[str, Vector] = {
    "C1": (0.0, 1.0, 0.0),
    "C2": (90.0, 0.1, 3.0),
    "C3": (None, 0.5, None),
    "C4": (90.0, 0.1, 3.0),
    "C5": (90.0, 0.1, 3.0),
    "C6": (90.0, 0.1, 3.0),
}
STATES = {"C3": RETURNED, "C4": LEFT, "C5": LAPSED, "C6": UNKNOWN}
CHECK = "every_customer_scored"
WIN_BACK = "Win-back offer with discount"


@dataclass(frozen=True)
class Stage:
    """The stage's assets on a few customers' features."""

    platform: Platform
    lake: Lake
    registry: Registry

    def materialize(self, selection: dg.AssetSelection | None = None) -> dg.ExecuteInProcessResult:
        resources = {"lake": self.lake, "registry": self.registry}
        with dg.DagsterInstance.ephemeral() as instance:
            return dg.materialize(
                decisions.assets(self.platform),
                resources=resources,
                instance=instance,
                selection=selection,
                raise_on_error=False,
            )


@pytest.fixture(scope="module")
def stage(
    module_lake: Lake,
    registry_of: Callable[[Settings], Registry],
    tmp_path_factory: pytest.TempPathFactory,
) -> Stage:
    platform = Platform.of(Settings(home=tmp_path_factory.mktemp("home"), source="simulated"))
    fill(module_lake, platform, CUSTOMERS, states=STATES)
    return Stage(platform, module_lake, registry_of(platform.settings))


@pytest.fixture(scope="module")
def scored(
    stage: Stage, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dg.ExecuteInProcessResult, str, str]:
    """The run that scores the customers, and the champion's version and digest."""
    version, digest = promoted(stage.registry, tmp_path_factory.mktemp("model") / "model")
    return stage.materialize(), version, digest


def test_without_champion_nothing_is_scored(
    stage: Stage,
    copy_of: Callable[[Lake], Lake],
    registry_of: Callable[[Settings], Registry],
    tmp_path: Path,
) -> None:
    lake = copy_of(stage.lake)
    shutil.rmtree(lake.path(SCORES), ignore_errors=True)
    registry = registry_of(Settings(home=tmp_path / "home"))
    registry.prepare()
    result = Stage(stage.platform, lake, registry).materialize()
    assert result.success and check_results(result) == {CHECK: True}
    assert materialized(result)[SCORES]["scores"] == "none: there is no champion yet"
    assert not lake.exists(SCORES)


def test_champion_scores_every_customer_with_reasons(
    stage: Stage, scored: tuple[dg.ExecuteInProcessResult, str, str]
) -> None:
    result, version, digest = scored
    assert result.success and check_results(result) == {CHECK: True}
    rows = {row["customer_id"]: row for row in stage.lake.read(SCORES).collect()}
    assert rows.keys() == CUSTOMERS.keys() - {"C6"}
    assert {name: row["customer_state"] for name, row in rows.items()} == {
        "C1": ACTIVE, "C2": ACTIVE, "C3": RETURNED, "C4": LEFT, "C5": LAPSED,
    }  # fmt: skip
    assert {
        (row["model_version"], row["model_digest"], row["features_as_of"]) for row in rows.values()
    } == {(version, digest, AS_OF)}
    assert (
        rows["C1"]["churn_probability"]
        < rows["C3"]["churn_probability"]
        < rows["C2"]["churn_probability"]
    )
    assert rows["C2"]["reasons"] and rows["C2"]["recommended_actions"]
    for name in ("C4", "C5"):
        risk = ("churn_probability", "churn_prediction", "risk_level", "confidence_score")
        assert [rows[name][column] for column in risk] == [None] * 4
    assert [rows[name]["segment"] for name in ("C1", "C3")] == ["regulars", "regulars"]
    assert (rows["C4"]["segment"], rows["C4"]["recommended_actions"]) == (LEFT, [])
    assert (rows["C5"]["segment"], rows["C5"]["recommended_actions"]) == (LAPSED, [WIN_BACK])
    metadata = materialized(result)[SCORES]
    assert (metadata["dagster/row_count"], metadata["scored"]) == (5, 3)
    assert metadata["risk"].startswith("![](data:image/png;base64,")
    assert all(column.description for column in metadata["dagster/column_schema"].columns)
    assert sum(
        metadata[f"share_{level}"] for level in ("low", "medium", "high", "critical")
    ) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "missing", "wrong"),
    [
        ("select * from {t} where customer_id != 'C2'", 1, 0),
        ("select * from {t} union all select * from {t} where customer_id = 'C2'", 0, 1),
        (
            "select * except (churn_probability),"
            " if(customer_id = 'C2', 1.5D, churn_probability) churn_probability from {t}",
            1,
            1,
        ),
        (
            "select * except (churn_probability),"
            " if(customer_id = 'C4', 0.9D, churn_probability) churn_probability from {t}",
            1,
            1,
        ),
        (
            "select * except (customer_state),"
            " if(customer_id = 'C1', 'returned', customer_state) customer_state from {t}",
            1,
            1,
        ),
        ("select * except (churn_probability), double('NaN') churn_probability from {t}", 5, 5),
    ],
    ids=["missing", "twice", "no probability", "left", "other state", "all unknown"],
)
@pytest.mark.usefixtures("scored")
def test_incomplete_scores_fail_the_check(
    stage: Stage, copy_of: Callable[[Lake], Lake], change: str, missing: int, wrong: int
) -> None:
    lake = copy_of(stage.lake)
    lake.read(SCORES).createOrReplaceTempView("scores")
    lake.overwrite(SCORES, lake.spark.sql(change.format(t="scores")).localCheckpoint())
    only_checks = dg.AssetSelection.checks_for_assets(dg.AssetKey.from_user_string(SCORES))
    result = Stage(stage.platform, lake, stage.registry).materialize(only_checks)
    assert check_results(result) == {CHECK: False}
    (evaluation,) = result.get_asset_check_evaluations()
    assert {name: evaluation.metadata[name].value for name in ("missing", "wrong")} == {
        "missing": missing,
        "wrong": wrong,
    }
