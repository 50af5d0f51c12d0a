"""The model registry: runs and models in MLflow, a champion per task, folders pinned by digest.

Decides nothing about promotion. MLflow is imported inside methods, as that takes seconds.
"""

import shutil
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from retention_assets.errors import RegistryError
from retention_assets.resources.tracking import experiment_id, tracked
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion
    from numpy.typing import NDArray

CHAMPION = "champion"
BUNDLE = "bundle"  # name of the model folder inside a logged model
LOADER = "retention_assets.resources.mlflow_loader"
# Otherwise MLflow infers them in a child process, which takes seconds a model.
REQUIREMENTS = ["numpy", "pydantic", "treelite", "h5py", "pyyaml", "pandas"]


@dataclass(frozen=True)
class ModelVersion:
    """A registered model folder."""

    task: str
    version: str
    digest: str
    candidate: str
    tags: dict[str, str] = field(default_factory=dict)


class Registry(dg.ConfigurableResource):
    """MLflow's tracking store and model registry of one home.

    `home` is a part of the names of experiment and models, so that homes can share an MLflow.
    """

    tracking_uri: str
    root: str
    home: str

    @classmethod
    def of(cls, settings: Settings) -> "Registry":
        return cls(
            tracking_uri=settings.tracking_uri,
            root=str(settings.home / "registry"),
            home=settings.shared_name,
        )

    def model_name(self, task: str) -> str:
        """The name under which MLflow registers the models of a task."""
        return f"{self.home}-{task}"

    def staging(self, name: str) -> Path:
        """The model folder of a candidate whose promotion is not decided yet."""
        return Path(self.root) / "staging" / name / BUNDLE

    @property
    def downloads(self) -> Path:
        """Where fetched model folders are kept, by digest."""
        return Path(self.root) / "models"

    def prepare(self) -> str:
        """Creates the store and the experiment if missing. Returns the experiment's id."""
        self._artifacts.mkdir(parents=True, exist_ok=True)
        return experiment_id(self.tracking_uri, self.home, self._artifacts)

    def run(
        self, context: dg.AssetExecutionContext, name: str, tags: Mapping[str, str]
    ) -> AbstractContextManager[Any]:
        """An MLflow run around a block of an asset's body; yields dagster-mlflow's client."""
        self.prepare()
        return tracked(context, self.tracking_uri, self.home, self._artifacts, name, tags)

    def log_bundle(
        self, folder: Path, features: list[str], example: "NDArray", digest: str
    ) -> tuple[str, bool]:
        """Logs a model folder in the active run with signature and input example.

        Returns its URI, and whether it has a signature.
        """
        import mlflow
        import pandas as pd
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, DataType, Schema

        inputs = Schema([ColSpec(DataType.double, name, required=False) for name in features])
        signature = ModelSignature(inputs, Schema([ColSpec(DataType.double, "probability")]))
        with tempfile.TemporaryDirectory() as holder:
            named = Path(shutil.copytree(folder, Path(holder) / BUNDLE))
            logged = mlflow.pyfunc.log_model(
                name="model",
                loader_module=LOADER,
                data_path=str(named),
                signature=signature,
                input_example=pd.DataFrame(example, columns=pd.Index(features)),
                pip_requirements=REQUIREMENTS,
                metadata={"digest": digest},
            )
        return logged.model_uri, logged.signature is not None

    def register(self, task: str, model_uri: str, run_id: str, tags: Mapping[str, str]) -> str:
        """Registers a new version of the task's model and returns it.

        `tags` hold at least digest, candidate and fingerprint.
        """
        from mlflow import MlflowException

        try:
            self._client.create_registered_model(self.model_name(task))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        created = self._client.create_model_version(
            self.model_name(task),
            model_uri,
            run_id=run_id,
            tags=dict(tags),
            model_id=_model_id(model_uri),
        )
        return str(created.version)

    def promote(self, task: str, version: str) -> None:
        """Makes the version the task's champion. The previous one stays registered."""
        self._client.set_registered_model_alias(self.model_name(task), CHAMPION, version)

    def champion(self, task: str) -> ModelVersion | None:
        """The current champion; None: there is none yet."""
        from mlflow import MlflowException

        try:
            version = self._client.get_model_version_by_alias(self.model_name(task), CHAMPION)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return _version(task, version)

    def download(self, task: str, version: str, into: Path) -> Path:
        """The version's model folder in `into`, named by its digest.

        Raises RegistryError when the files do not match the registered digest.
        """
        import mlflow.artifacts
        from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

        from serve.model.bundle import digest_of

        registered = _version(task, self._client.get_model_version(self.model_name(task), version))
        folder = into / registered.digest
        if folder.is_dir() and digest_of(folder) == registered.digest:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=into) as holder:
            MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
            model = mlflow.artifacts.download_artifacts(
                artifact_uri=f"models:/{self.model_name(task)}/{version}", dst_path=holder
            )
            fetched = Path(model) / "data" / BUNDLE
            if not fetched.is_dir() or digest_of(fetched) != registered.digest:
                raise RegistryError(
                    f"The files of model {task} version {version} do not match their digest: the "
                    "artifact store was changed.",
                    "Restore the artifact store, or retrain.",
                )
            try:
                fetched.replace(folder)
            except OSError:  # another step or process has fetched the same version meanwhile
                if digest_of(folder) != registered.digest:
                    raise
        return folder

    @property
    def _artifacts(self) -> Path:
        return Path(self.root) / "artifacts"

    @property
    def _client(self) -> "MlflowClient":
        import mlflow
        from mlflow import MlflowClient

        Path(self.root).mkdir(parents=True, exist_ok=True)
        mlflow.set_tracking_uri(
            self.tracking_uri
        )  # the registry asks the process's own store about logged models
        return MlflowClient(self.tracking_uri, registry_uri=self.tracking_uri)


def _version(task: str, version: "MlflowVersion") -> ModelVersion:
    tags: dict[str, Any] = dict(version.tags)
    return ModelVersion(
        task, str(version.version), tags.get("digest", ""), tags.get("candidate", ""), tags
    )


def _model_id(model_uri: str) -> str | None:
    name = model_uri.removeprefix("models:/")
    return name if name.startswith("m-") else None
