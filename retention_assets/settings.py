"""Every setting of the platform, in groups; nothing else reads the environment.

The field `x_y` is set by the variable RETENTION_X_Y. What depends on the source (horizon, event
times, its own thresholds) is set in its profile instead.
"""

import hashlib
import os
import re
from datetime import date
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from retention_assets.errors import SettingsError

PREFIX = "RETENTION_"
CLONE = Path(__file__).parents[1]
STREAM_PROGRESS = "progress.json"  # in the folder of the stream
DAGSTER_YAML = CLONE / "dagster.yaml"  # services/instance.py derives each home's file from it


def operation(default: Any = None, description: str | None = None, **limits: Any) -> Any:
    """A field that says where or how things run. Changing it never makes a result stale."""
    extra: dict[str, JsonValue] = {"operational": True}
    return Field(default=default, description=description, json_schema_extra=extra, **limits)


class SettingsGroup(BaseSettings):
    """What all groups share: the prefix of their variables, and that a value never changes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)


class PathSettings(SettingsGroup):
    """Where a home keeps its files and tables."""

    home: Path = operation(CLONE / ".retention", "Everything the platform writes lies below it.")
    home_name: str | None = operation(
        description="What the home is called in services that homes share; None: its folder's name"
        " and a digest of its path. Homes on different machines need names of their own.",
        pattern="^[A-Za-z0-9][A-Za-z0-9-]*$",
    )
    lake_uri: str | None = operation(description="Folder of the Delta tables; None: in the home.")
    mlflow_uri: str | None = operation(description="MLflow's store; None: SQLite in the home.")

    @field_validator("home")
    @classmethod
    def _absolute_home(cls, path: Path) -> Path:
        return _absolute(path)

    @cached_property
    def shared_name(self) -> str:
        """What the keys in Redis, the models in MLflow and the application in Ray begin with."""
        if self.home_name:
            return self.home_name
        folder = re.sub("[^A-Za-z0-9]+", "-", self.home.name).strip("-") or "home"
        return f"{folder}-{hashlib.sha256(str(self.home).encode()).hexdigest()[:6]}"

    @cached_property
    def lake_root(self) -> str:
        """Where Delta tables lie: `<lake_root>/<stage>/<noun>`."""
        return self.lake_uri or str(self.home / "lake")

    @cached_property
    def tracking_uri(self) -> str:
        """MLflow's tracking and registry store."""
        return self.mlflow_uri or f"sqlite:///{self.home / 'registry' / 'mlflow.db'}"

    @cached_property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @cached_property
    def logs(self) -> Path:
        return self.home / "logs"

    @cached_property
    def stream_dir(self) -> Path:
        """Checkpoint, progress, open rows and landed files of the stream."""
        return self.home / "stream"

    @cached_property
    def simulated_dir(self) -> Path:
        return self.home / "source" / "simulated"


class SourceSettings(SettingsGroup):
    """Which source is read, and as of which day results are computed."""

    source: str | None = operation(
        description="A built-in profile's name, or a profile file; None: the home's source, or the"
        " embedded one in a new home."
    )
    data_dir: Path | None = operation(description="Folder that holds the source's files.")
    as_of: date | None = operation(
        description="Compute nothing from what was not known before this day; None: all there is."
    )

    @field_validator("data_dir")
    @classmethod
    def _absolute_data_dir(cls, path: Path | None) -> Path | None:
        return path and _absolute(path)


class SimulationSettings(SettingsGroup):
    """Size and seed of the embedded source."""

    simulated_customers: int = operation(5000, ge=10)
    simulated_days: int = operation(400, ge=30)
    simulated_seed: int = operation(7)


class EngineSettings(SettingsGroup):
    """Spark, Java, Redis and Ray. An address that is None means one that the home starts itself."""

    spark_master: str = operation("local[*]")
    spark_memory: str = operation("3g")
    java_home: Path | None = operation(description="Java 17 or newer; None: found or embedded.")
    redis_url: str | None = operation()
    ray_address: str | None = operation()

    @field_validator("java_home")
    @classmethod
    def _absolute_java_home(cls, path: Path | None) -> Path | None:
        return path and _absolute(path)


class PortSettings(SettingsGroup):
    """The address that services bind to, and their ports."""

    host: str = operation("127.0.0.1")
    serve_port: int = operation(8000)
    serve_inner_port: int = operation(
        8500, "First of 100 ports behind HAProxy: Serve's own proxy, then its replicas."
    )
    webserver_port: int = operation(3000)
    mlflow_port: int = operation(5000)
    ray_port: int = operation(6479)
    haproxy_stats_port: int = operation(8404)
    haproxy_metrics_port: int = operation(9101)


class StreamSettings(SettingsGroup):
    """The process that takes the rows of a source's stream."""

    stream: bool | None = operation(
        description="Whether the home takes its source's stream; None: if the profile has one."
    )
    stream_memory: str = operation("1g", "Memory of its Spark.")
    stream_interval_s: float = operation(
        1.0, "How often it looks for new rows; a longer one costs less.", gt=0
    )
    max_stream_lag_s: float = operation(
        10.0,
        "From a row's delivery to its customer's vector; beyond it the check fails.",
        gt=0,
    )


class AccessSettings(SettingsGroup):
    """Secrets: who may call the platform, and whom it alerts."""

    api_keys: str | None = operation(
        description="Comma-separated; None: one is made at first start, in the home's api_key."
    )
    alert_urls: str | None = operation(description="Comma-separated Apprise addresses.")


class AutomationSettings(SettingsGroup):
    """Sensors, schedules and automation conditions."""

    clock_enabled: bool = operation(
        True, "False turns every schedule, sensor and automation condition off."
    )
    sensor_interval_s: int = operation(30, ge=1)
    settle_s: float = operation(
        10,
        "A source file that changed less than this many seconds ago may still be being written: it"
        " is read when it is the same at the next look.",
        ge=0,
    )
    freshness_fail_s: int = operation(
        172_800,
        "An asset that follows its inputs is stale at this age (two days), and is materialized"
        " again. Dagster allows no less than a minute.",
        ge=60,
    )


class DataQualitySettings(SettingsGroup):
    """How late, how old and how broken the data may be."""

    patience_days: int = operation(
        7, "A table's days are closed when others are this many days ahead of it.", ge=0
    )
    max_data_age_days: int = operation(
        2, "How far the watermark may lie behind the newest day there is.", ge=0
    )
    max_quarantined_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Broken rows above this share block downstream assets; of fewer than 100 "
        "rows, as many may be broken as of 100.",
    )


class LearningSettings(SettingsGroup):
    """Labels, splits and evaluation."""

    gap_days: int = Field(
        default=14,
        ge=0,
        description="From the as-of day to the first day that counts. Given labels have no gap.",
    )
    min_history_days: int = Field(
        default=28, ge=1, description="No example before the source is this many days old."
    )
    test_weeks: int = Field(
        default=4,
        ge=1,
        description="As-of weeks of the untouched last period; as-of days of given labels.",
    )
    folds: int = Field(default=3, ge=1, description="Rolling-origin folds that choose the recipe.")
    search_trials: int = Field(
        default=8,
        ge=1,
        description="Sets of parameters that a search tries for each candidate; the declared ones "
        "are the first. 1: no search.",
    )
    search_seconds: float = operation(
        300.0,
        gt=0,
        description="Limit of a candidate's search on a slow machine; it is recorded if it ends a "
        "search.",
    )
    search_rows: int = Field(
        default=10_000,
        ge=1000,
        description="Training rows of a trial's largest fold: the rows of so many customers.",
    )
    seed: int = 20240101
    bootstrap_rounds: int = Field(default=1000, ge=100)
    calibration_tolerance: float = Field(
        default=0.03,
        gt=0,
        le=1,
        description="Promotion gate: probabilities are this close to observed rates, by the whole "
        "interval of the error.",
    )
    max_predict_ratio: float = Field(
        default=50.0,
        gt=0,
        description="Promotion gate: scoring one row takes at most this many times as long as with "
        "a linear model of the same features.",
    )


class EconomicsSettings(SettingsGroup):
    """What a contact costs and achieves, and where the risk levels begin."""

    contact_cost: float = Field(
        default=8.0, ge=0, description="Cost of one contact, offer included."
    )
    saved_margin: float = Field(
        default=120.0, ge=0, description="Margin kept when a churner is saved."
    )
    save_rate: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description="Share of contacted churners who stay (an assumption).",
    )
    capacity_share: float = Field(
        default=0.2, gt=0, le=1, description="Share of customers that the team can contact."
    )
    risk_medium: float = Field(default=0.4, ge=0, le=1)
    risk_high: float = Field(default=0.6, ge=0, le=1)
    risk_critical: float = Field(default=0.8, ge=0, le=1)


class ValueSettings(SettingsGroup):
    """What customers are worth, in the source's currency."""

    margin_share: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of a sale that is margin (an assumption).",
    )
    annual_discount: float = Field(
        default=0.1,
        ge=0,
        description="Money that comes in a year counts 1 / (1 + this) of today's.",
    )
    lifetime_months: int = Field(
        default=36, ge=1, le=120, description="Months that a lifetime value covers."
    )
    high_revenue: float = Field(
        default=600.0,
        gt=0,
        description="Net sales of 90 days from which a customer is a big spender. The default is "
        "five times the margin that a saved churner keeps: with a fifth of sales as margin, such a "
        "customer earns that much in 90 days.",
    )


class MonitoringSettings(SettingsGroup):
    """Drift alarms and the decision to retrain."""

    drift_alpha: float = Field(
        default=0.01, gt=0, lt=1, description="Family-wise false-alarm rate of one drift report."
    )
    drift_min_effect: float = Field(
        default=0.3, gt=0, description="Smallest shift, in reference units, worth an alarm."
    )
    drift_min_score_shift: float = Field(
        default=0.01,
        ge=0,
        description="Mean change of the champion's probabilities from which a drifted feature asks "
        "for another recipe.",
    )
    retrain_every_days: int = Field(default=7, ge=1)
    retrain_cooldown_days: int = Field(default=3, ge=0)
    retrain_min_new_customers: int = Field(
        default=200, ge=1, description="Customers with new labels, below which nothing is trained."
    )


class ServingSettings(SettingsGroup):
    """Limits of the online store and the HTTP application."""

    feature_ttl_days: int = Field(default=30, ge=1)
    redis_timeout_ms: int = operation(50, ge=1)
    max_batch: int = operation(1000, ge=1)
    max_body_bytes: int = operation(262_144, ge=1024)
    rate_limit_per_s: int = operation(2000, ge=1)


class Settings(
    PathSettings,
    SourceSettings,
    SimulationSettings,
    EngineSettings,
    PortSettings,
    StreamSettings,
    AccessSettings,
    AutomationSettings,
    DataQualitySettings,
    LearningSettings,
    EconomicsSettings,
    ValueSettings,
    MonitoringSettings,
    ServingSettings,
):
    """All settings of one platform home. Two homes with different ports run side by side."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_variables(cls, values: Any) -> Any:
        """Raises SettingsError for a RETENTION_* variable that no field reads."""
        known = [variable(name) for name in cls.model_fields]
        for name in sorted(os.environ):
            if name.upper().startswith(PREFIX) and name.upper() not in known:
                nearest = get_close_matches(name.upper(), known, n=1, cutoff=0.0)[0]
                raise SettingsError(
                    f"{name} is not a setting; the nearest is {nearest}.",
                    f"Rename it to {nearest}, or unset it.",
                )
        return values

    @cached_property
    def mlflow_pages(self) -> str:
        """Address of MLflow's pages: the server of RETENTION_MLFLOW_URI, or the home's own."""
        if self.mlflow_uri and self.mlflow_uri.startswith("http"):
            return self.mlflow_uri.rstrip("/")
        return f"http://{self.host}:{self.mlflow_port}"

    def environment(self) -> dict[str, str]:
        """This process's environment plus every setting, for child processes."""
        values = self.model_dump(mode="json", exclude_none=True)
        variables = {variable(name): str(value) for name, value in values.items()}
        if self.source and Path(self.source).suffix in {".yaml", ".yml"}:
            variables[variable("source")] = str(_absolute(Path(self.source)))
        return {**os.environ, **variables}


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"{PREFIX}{field.upper()}"


def operational_fields() -> set[str]:
    """Names of the settings that say only where and how things run."""
    return {
        name
        for name, field in Settings.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("operational")
    }


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()
