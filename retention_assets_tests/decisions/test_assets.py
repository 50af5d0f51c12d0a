"""decisions/churn_scores on a real lake and registry: each customer is scored exactly once."""

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

CUSTOMERS: dict[str, Vector] = {
    "C1": (0.0, 1.0, 0.0),
    "C2": (90.0, 0.1, 3.0),
    "C3": (None, 0.5, None),
    "C4": (90.0, 0.1, 3.0),
}
CHECK = "every_customer_scored"


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform.of(Settings(home=tmp_path / "home", source="simulated"))


@pytest.fixture
def registry(platform: Platform) -> Registry:
    return Registry.of(platform.settings)


@pytest.fixture
def filled(own_lake: Lake, platform: Platform) -> Lake:
    """Four customers' features; C4 has left."""
    fill(own_lake, platform, CUSTOMERS)
    own_lake.overwrite(
        "validated/churn_events", own_lake.spark.createDataFrame([("C4",)], "customer_id string")
    )
    return own_lake


def materialize(
    platform: Platform, lake: Lake, registry: Registry, selection: dg.AssetSelection | None = None
) -> dg.ExecuteInProcessResult:
    resources = {"lake": lake, "registry": registry}
    with dg.DagsterInstance.ephemeral() as instance:
        stage = decisions.assets(platform)
        return dg.materialize(
            stage, resources=resources, instance=instance, selection=selection, raise_on_error=False
        )


def test_without_champion_nothing_is_scored(
    filled: Lake, platform: Platform, registry: Registry
) -> None:
    registry.prepare()
    result = materialize(platform, filled, registry)
    assert result.success and check_results(result) == {CHECK: True}
    assert materialized(result)[SCORES][
        "scores"
    ] == "none: there is no champion yet" and not filled.exists(SCORES)


def test_champion_scores_every_customer_with_reasons(
    filled: Lake, platform: Platform, registry: Registry, tmp_path: Path
) -> None:
    version, digest = promoted(registry, tmp_path / "model")
    result = materialize(platform, filled, registry)
    assert result.success and check_results(result) == {CHECK: True}
    rows = {row["customer_id"]: row for row in filled.read(SCORES).collect()}
    assert rows.keys() == CUSTOMERS.keys()
    assert {
        (row["model_version"], row["model_digest"], row["features_as_of"]) for row in rows.values()
    } == {(version, digest, AS_OF)}
    assert (
        rows["C1"]["churn_probability"]
        < rows["C3"]["churn_probability"]
        < rows["C2"]["churn_probability"]
    )
    assert rows["C2"]["reasons"] and rows["C2"]["recommended_actions"]
    assert (rows["C4"]["segment"], rows["C4"]["recommended_actions"]) == ("gone", [])
    metadata = materialized(result)[SCORES]
    assert metadata["dagster/row_count"] == 4
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
        ("select * except (churn_probability), double('NaN') churn_probability from {t}", 4, 4),
    ],
    ids=["missing", "twice", "no probability", "all unknown"],
)
def test_incomplete_scores_fail_the_check(
    filled: Lake,
    platform: Platform,
    registry: Registry,
    tmp_path: Path,
    change: str,
    missing: int,
    wrong: int,
) -> None:
    promoted(registry, tmp_path / "model")
    assert materialize(platform, filled, registry).success
    filled.read(SCORES).createOrReplaceTempView("scores")
    changed = filled.spark.sql(change.format(t="scores")).localCheckpoint()
    filled.overwrite(SCORES, changed)
    only_checks = dg.AssetSelection.checks_for_assets(dg.AssetKey.from_user_string(SCORES))
    result = materialize(platform, filled, registry, only_checks)
    assert check_results(result) == {CHECK: False}
    (evaluation,) = result.get_asset_check_evaluations()
    assert {name: evaluation.metadata[name].value for name in ("missing", "wrong")} == {
        "missing": missing,
        "wrong": wrong,
    }
