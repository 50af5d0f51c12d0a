"""The registry on a real MLflow store: promotion, and refusal of changed files."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from retention_assets.errors import RegistryError
from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests.resources.models import ROWS, promoted, registered, work
from retention_assets_tests.serve import bundles
from serve.model.bundle import digest_of, load_bundle


@pytest.fixture
def registry(tmp_path: Path, registry_of: Callable[[Settings], Registry]) -> Registry:
    return registry_of(Settings(home=tmp_path / "home"))


def test_missing_champion_is_none(registry: Registry) -> None:
    registry.prepare()
    assert registry.champion("churn") is None


def test_champion_is_the_last_promoted_version(registry: Registry, tmp_path: Path) -> None:
    versions = [
        registered(registry, tmp_path / name, intercept)
        for name, intercept in (("one", 0.0), ("two", 1.0))
    ]
    assert registry.champion("churn") is None  # registered is not promoted
    for version, digest in versions:
        registry.promote("churn", version)
        champion = registry.champion("churn")
        assert champion is not None
        assert (champion.version, champion.digest, champion.candidate) == (
            version,
            digest,
            "by hand",
        )
    for version, digest in versions:
        folder = registry.download("churn", version, registry.downloads)
        assert folder.name == digest == digest_of(folder)
    assert [version for version, _ in versions] == ["1", "2"]


def test_history_says_who_was_champion_when_and_why(registry: Registry, tmp_path: Path) -> None:
    """Repeated rollbacks go further back; the present champion's term has no end."""
    for name, intercept in (("one", 0.0), ("two", 1.0)):
        version, _ = registered(registry, tmp_path / name, intercept)
        registry.promote("churn", version, reason=f"{name} passed", watermark=f"2024-03-0{version}")
    before = registry.history("churn")
    at = datetime(2030, 3, 9, 12, tzinfo=UTC)
    registry.restore("churn", "1", reason="bad scores", watermark="2024-03-05", at=at)
    champion = registry.champion("churn")
    assert champion is not None and champion.version == "1"
    first, second, third = registry.history("churn")
    assert [first, second.began_at] == [before[0], before[1].began_at]
    assert first.began_at == registry.version("churn", "1").registered_at
    assert first.ended_watermark == second.began_watermark == "2024-03-02"
    assert (first.reason, second.reason) == ("one passed", "two passed")
    assert (second.ended_at, second.ended_watermark) == ("2030-03-09T12:00:00+00:00", "2024-03-05")
    assert (third.version, third.digest) == ("1", champion.digest)
    assert (third.reason, third.rolled_back) == ("rolled back from version 2: bad scores", "2")
    assert third.ended_at is None


def test_unrecorded_champion_is_in_the_history(registry: Registry, tmp_path: Path) -> None:
    """The alias alone was set, as by an earlier version of this code."""
    import mlflow

    version, _ = promoted(registry, tmp_path / "one")
    other, digest = registered(registry, tmp_path / "two", 1.0)
    client = mlflow.MlflowClient(registry.tracking_uri)
    client.set_registered_model_alias(registry.model_name("churn"), "champion", other)
    assert [term.version for term in registry.history("churn")] == [version, other]
    assert registry.history("churn")[1].reason == "not recorded"
    latest, _ = promoted(registry, tmp_path / "three", 2.0)
    terms = registry.history("churn")
    assert [term.version for term in terms] == [version, other, latest]
    assert (terms[1].digest, terms[1].reason) == (digest, "not recorded")
    assert registry.history("fraud") == []


def test_documents_belong_to_a_version(registry: Registry, tmp_path: Path) -> None:
    import mlflow

    version, _ = registered(registry, tmp_path / "one")
    registered_model = registry.version("churn", version)
    assert registry.read_document(registered_model, "card.md") is None
    for text in ("draft", "# Card"):
        registry.write_document(registered_model, "card.md", text)
    assert registry.read_document(registered_model, "card.md") == "# Card"
    assert registry.read_document(registered_model, "other.md") is None
    registry.describe(registered_model, "# Card")
    client = mlflow.MlflowClient(registry.tracking_uri)
    assert client.get_model_version(registry.model_name("churn"), version).description == "# Card"
    with pytest.raises(RegistryError, match="has no version 7"):
        registry.version("churn", "7")


def test_homes_on_one_mlflow_have_champions_of_their_own(
    registry: Registry, tmp_path: Path
) -> None:
    other = registry.model_copy(update={"home": "other", "root": str(tmp_path / "other")})
    version, digest = registered(registry, tmp_path / "one")
    registry.promote("churn", version)
    assert other.champion("churn") is None
    theirs, other_digest = registered(other, tmp_path / "two", 1.0)
    other.promote("churn", theirs)
    champions = [store.champion("churn") for store in (registry, other)]
    assert [champion and champion.digest for champion in champions] == [digest, other_digest]
    assert theirs == "1" and registry.prepare() != other.prepare()


def test_changed_model_files_are_refused(registry: Registry, tmp_path: Path) -> None:
    version, digest = registered(registry, tmp_path / "one")
    folder = registry.download("churn", version, tmp_path / "here")
    (folder / "model.json").write_text("{}")
    assert (
        registry.download("churn", version, tmp_path / "here") == folder
        and digest_of(folder) == digest
    )  # fetched afresh
    (stored,) = (tmp_path / "home").rglob("artifacts/**/bundle/model.json")
    content = stored.read_bytes()
    stored.write_bytes(content.replace(b"2.0", b"9.0"))
    with pytest.raises(RegistryError, match="do not match their digest"):
        registry.download("churn", version, tmp_path / "elsewhere")
    stored.write_bytes(content)
    (stored.parent / "planted.pkl").write_bytes(b"")
    with pytest.raises(RegistryError, match="do not match their digest"):
        registry.download("churn", version, tmp_path / "elsewhere")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_downloads_at_once_give_one_folder(registry: Registry, tmp_path: Path) -> None:
    """Steps of a run fetch the champion side by side."""
    version, digest = registered(registry, tmp_path / "one")
    with ThreadPoolExecutor(4) as threads:
        downloads = [
            threads.submit(registry.download, "churn", version, tmp_path / "models")
            for _ in range(8)
        ]
    folders = {download.result() for download in downloads}
    assert folders == {tmp_path / "models" / digest}
    assert digest_of(folders.pop()) == digest
    assert [path.name for path in (tmp_path / "models").iterdir()] == [digest]


def test_pyfunc_gives_the_served_probabilities(registry: Registry, tmp_path: Path) -> None:
    import mlflow
    import pandas as pd

    version, digest = registered(registry, tmp_path / "one")
    mlflow.set_tracking_uri(registry.tracking_uri)
    model = mlflow.pyfunc.load_model(f"models:/{registry.model_name('churn')}/{version}")
    frame = pd.DataFrame(ROWS, columns=pd.Index(bundles.FEATURES))
    assert model.predict(frame) == pytest.approx(
        load_bundle(tmp_path / "one", digest).probabilities(ROWS), abs=1e-12
    )


def test_each_block_has_its_own_mlflow_run(
    registry: Registry,
) -> None:
    import mlflow

    def two_then_fail(context: dg.AssetExecutionContext) -> None:
        for name in ("first", "second", "failing"):
            with registry.run(context, name, {"candidate": name}) as tracker:
                tracker.log_metrics({"auc": 0.7})
                if name == "failing":
                    raise RegistryError("It went wrong.", "Nothing.")

    assert not work(two_then_fail, raise_on_error=False)
    assert mlflow.active_run() is None
    client = mlflow.MlflowClient(registry.tracking_uri)
    runs = {run.info.run_name: run for run in client.search_runs([registry.prepare()])}
    assert {name: run.info.status for name, run in runs.items()} == {
        "first": "FINISHED",
        "second": "FINISHED",
        "failing": "FAILED",
    }
    assert all(
        run.data.metrics == {"auc": 0.7} and run.data.tags["candidate"] == name
        for name, run in runs.items()
    )
    assert {run.data.tags["dagster/why"] for run in runs.values()} == {"test"}


def test_foreign_active_run_is_refused(registry: Registry) -> None:
    import mlflow

    def within_another(context: dg.AssetExecutionContext) -> None:
        experiment = registry.prepare()
        mlflow.set_tracking_uri(registry.tracking_uri)
        with mlflow.start_run(experiment_id=experiment, run_name="theirs") as theirs:
            with (
                pytest.raises(RegistryError, match="Another MLflow run is active"),
                registry.run(context, "mine", {}),
            ):
                raise AssertionError("not reached")
            assert mlflow.active_run() is theirs
        assert [run.info.run_name for run in mlflow.MlflowClient().search_runs([experiment])] == [
            "theirs"
        ]

    assert work(within_another)
