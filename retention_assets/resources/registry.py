"""The model registry: runs and models in MLflow, a champion per task, folders pinned by digest.

Decides nothing about promotion. MLflow is imported inside methods, as that takes seconds.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from retention_assets.errors import RegistryError
from retention_assets.resources import model_files
from retention_assets.resources.champion_history import (
    ChampionTerm,
    tag_of,
    terms_of,
    with_ends,
)
from retention_assets.resources.model_files import BUNDLE
from retention_assets.resources.tracking import experiment_id, tracked
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion
    from numpy.typing import NDArray

CHAMPION = "champion"
MAX_DESCRIPTION = 5000  # characters that MLflow's database keeps


@dataclass(frozen=True)
class ModelVersion:
    """A registered model folder."""

    task: str
    version: str
    digest: str
    candidate: str
    tags: dict[str, str] = field(default_factory=dict)
    run_id: str = ""
    registered_at: str = ""  # ISO 8601 in UTC


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

    def exists(self) -> bool:
        """Whether there is a store. Asking a database for anything else would create it."""
        path = self.tracking_uri.removeprefix("sqlite:///")
        return path == self.tracking_uri or Path(path).exists()

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
        """Logs a model folder in the active run. Returns its URI and if it has a signature."""
        return model_files.log_bundle(folder, features, example, digest)

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

    def promote(
        self, task: str, version: str, *, reason: str = "promoted", watermark: str | None = None
    ) -> None:
        """Makes the version the task's champion, from the time of its registration.

        The previous one stays registered. `watermark`: the day through which data had been read.
        """
        promoted = self.version(task, version)
        self._begin(
            task,
            ChampionTerm(
                version=version,
                digest=promoted.digest,
                began_at=promoted.registered_at,
                began_watermark=watermark,
                reason=reason,
            ),
        )

    def restore(
        self, task: str, version: str, *, reason: str, watermark: str | None, at: datetime
    ) -> None:
        """Makes an earlier champion the champion again, in place of the present one."""
        present = self.champion(task)
        replaced = present.version if present else None
        self._begin(
            task,
            ChampionTerm(
                version=version,
                digest=self.version(task, version).digest,
                began_at=_iso(at.timestamp()),
                began_watermark=watermark,
                reason=f"rolled back from version {replaced}: {reason}",
                rolled_back=replaced,
            ),
        )

    def history(self, task: str) -> list[ChampionTerm]:
        """Every champion of the task, the first one first; the last one is the present champion.

        A champion whose term was not recorded, as when the process died, began when it was
        registered.
        """
        champion = self.champion(task)
        if champion is None:
            return []
        model = self._client.get_registered_model(self.model_name(task))
        terms = terms_of(model.tags)
        if terms and terms[-1].version == champion.version:
            return terms
        unrecorded = ChampionTerm(
            version=champion.version,
            digest=champion.digest,
            began_at=champion.registered_at,
            began_watermark=None,
            reason="not recorded",
        )
        return with_ends([*terms, unrecorded])

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

    def version(self, task: str, version: str) -> ModelVersion:
        """A registered version. Raises RegistryError if there is no such version."""
        from mlflow import MlflowException

        try:
            return _version(task, self._client.get_model_version(self.model_name(task), version))
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            raise RegistryError(
                f"Model {task} has no version {version}.",
                "`retention model` without a version shows the champion and those before it.",
            ) from error

    def download(self, task: str, version: str, into: Path) -> Path:
        """The version's model folder in `into`, named by its digest.

        Raises RegistryError when the files do not match the registered digest.
        """
        digest = self.version(task, version).digest
        uri = f"models:/{self.model_name(task)}/{version}"
        return model_files.fetch_bundle(uri, digest, into)

    def write_document(self, version: ModelVersion, name: str, text: str) -> None:
        """Stores a text about the version, in place of the one with this name."""
        self._client.log_text(version.run_id, text, _document(version, name))

    def read_document(self, version: ModelVersion, name: str) -> str | None:
        """A stored text about the version; None: there is none."""
        if not version.run_id:
            return None
        return model_files.read_text(self._client, version.run_id, _document(version, name))

    def describe(self, version: ModelVersion, text: str) -> None:
        """Shows the text, Markdown, on the version's page in MLflow."""
        name = self.model_name(version.task)
        self._client.update_model_version(name, version.version, text[:MAX_DESCRIPTION])

    def _begin(self, task: str, term: ChampionTerm) -> None:
        """Makes the term's version the champion and records its term."""
        name = self.model_name(task)
        terms = self.history(task)
        if terms and terms[-1].version == term.version:
            return
        # The term before is written again: it may not have been recorded.
        for number, entry in enumerate([*terms, term], start=1):
            if number >= len(terms):
                self._client.set_registered_model_tag(name, *tag_of(number, entry))
        # Last: if the process dies before, the champion is the one before, and so is its term.
        self._client.set_registered_model_alias(name, CHAMPION, term.version)

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
        task,
        str(version.version),
        digest=tags.get("digest", ""),
        candidate=tags.get("candidate", ""),
        tags=tags,
        run_id=version.run_id or "",
        registered_at=_iso(version.creation_timestamp / 1000),
    )


def _document(version: ModelVersion, name: str) -> str:
    """Where a run keeps a text about one of the versions that were registered from it."""
    return f"versions/{version.version}/{name}"


def _iso(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _model_id(model_uri: str) -> str | None:
    name = model_uri.removeprefix("models:/")
    return name if name.startswith("m-") else None
