"""The files of a model in MLflow: its folder, and documents about it. Knows no champion.

MLflow is imported inside functions, as that takes seconds.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retention_assets.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from numpy.typing import NDArray

BUNDLE = "bundle"  # name of the model folder inside a logged model
LOADER = "retention_assets.resources.mlflow_loader"
# Otherwise MLflow infers them in a child process, which takes seconds a model.
REQUIREMENTS = ["numpy", "pydantic", "treelite", "h5py", "pyyaml", "pandas"]


def log_bundle(
    folder: Path, features: list[str], example: "NDArray", digest: str
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


def fetch_bundle(model_uri: str, digest: str, into: Path) -> Path:
    """The model's folder in `into`, named by its digest.

    Raises RegistryError when the files do not match the digest.
    """
    import mlflow.artifacts
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

    from serve.model.bundle import digest_of

    folder = into / digest
    if folder.is_dir() and digest_of(folder) == digest:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into) as holder:
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
        model = mlflow.artifacts.download_artifacts(artifact_uri=model_uri, dst_path=holder)
        fetched = Path(model) / "data" / BUNDLE
        if not fetched.is_dir() or digest_of(fetched) != digest:
            raise RegistryError(
                f"The files of {model_uri} do not match their digest: the artifact store was "
                "changed.",
                "Restore the artifact store, or retrain.",
            )
        try:
            fetched.replace(folder)
        except OSError:  # another step or process has fetched the same version meanwhile
            if digest_of(folder) != digest:
                raise
    return folder


def read_text(client: "MlflowClient", run_id: str, name: str) -> str | None:
    """A text file among the run's artifacts; None if it has no such file."""
    import mlflow.artifacts
    from mlflow.environment_variables import MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR

    folder, _, _ = name.rpartition("/")
    if name not in _names(client, run_id, folder):
        return None
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)
    return mlflow.artifacts.load_text(f"runs:/{run_id}/{name}")


def _names(client: "MlflowClient", run_id: str, folder: str) -> Sequence[str]:
    return [file.path for file in client.list_artifacts(run_id, folder or None)]
