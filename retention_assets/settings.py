"""Every knob of the platform, one pydantic-settings class; nothing else reads the environment.

A field `x_y` is set by the variable RETENTION_X_Y. Values that a source decides (horizon, event times, thresholds
of its own) live in its profile, not here.
"""

import os
from datetime import date
from functools import cached_property
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DAGSTER_YAML = (
    Path(__file__).parents[1] / "dagster.yaml"
)  # the clone's; resources/instance.py makes each home's from it


class Settings(BaseSettings):
    """Settings of one platform home. Two homes with different ports run side by side."""

    model_config = SettingsConfigDict(env_prefix="RETENTION_", extra="ignore", frozen=True)

    home: Path = Path(".retention")
    source: str = "simulated"
    data_dir: Path | None = None
    as_of: date | None = Field(
        default=None,
        description="Read nothing that happened on or after this day; None: all there is.",
    )

    spark_master: str = "local[*]"
    spark_memory: str = "3g"
    java_home: Path | None = None
    lake_uri: str | None = None
    redis_url: str | None = None
    mlflow_uri: str | None = None
    ray_address: str | None = None

    host: str = "127.0.0.1"
    serve_port: int = 8000
    serve_inner_port: int = Field(
        default=8500, description="Behind HAProxy: Serve's own proxy, then 99 for its replicas."
    )
    webserver_port: int = 3000
    mlflow_port: int = 5000
    ray_port: int = 6479
    haproxy_stats_port: int = 8404
    haproxy_metrics_port: int = 9101

    api_keys: str | None = Field(
        default=None, description="Comma-separated; None: made at first start in home/api_key."
    )
    alert_urls: str | None = Field(default=None, description="Comma-separated Apprise URLs.")
    clock_enabled: bool = Field(
        default=True, description="False turns every schedule, sensor and condition off."
    )
    sensor_interval_s: int = Field(default=30, ge=1)

    simulated_customers: int = Field(default=5000, ge=10)
    simulated_days: int = Field(default=400, ge=30)
    simulated_seed: int = 7

    late_arrival_days: int = Field(
        default=7, ge=0, description="How far back a new day's run looks for late rows."
    )
    max_data_age_days: int = Field(
        default=2, ge=0, description="How far the watermark may lie behind the newest day there is."
    )
    max_quarantined_share: float = Field(
        default=0.05, ge=0, le=1, description="Broken rows above this share block downstream."
    )

    gap_days: int = Field(default=14, ge=0)
    min_history_days: int = Field(
        default=28, ge=1, description="No example before the source is this old."
    )
    test_weeks: int = Field(
        default=4, ge=1, description="As-of weeks of the untouched last period."
    )
    folds: int = Field(default=3, ge=1)
    seed: int = 20240101

    contact_cost: float = Field(
        default=8.0, ge=0, description="Cost of one retention contact, offer included."
    )
    saved_margin: float = Field(
        default=120.0, ge=0, description="Margin kept when a churner is saved."
    )
    save_rate: float = Field(
        default=0.25, ge=0, le=1, description="Share of contacted churners who stay."
    )
    capacity_share: float = Field(
        default=0.2, gt=0, le=1, description="Share of customers the team can contact."
    )
    risk_medium: float = Field(default=0.4, ge=0, le=1)
    risk_high: float = Field(default=0.6, ge=0, le=1)
    risk_critical: float = Field(default=0.8, ge=0, le=1)
    max_predict_ms: float = Field(
        default=50.0, gt=0, description="Promotion gate: one row scored within this time."
    )
    bootstrap_rounds: int = Field(default=1000, ge=100)

    drift_alpha: float = Field(
        default=0.01, gt=0, lt=1, description="Family-wise false-alarm rate of one drift report."
    )
    drift_min_effect: float = Field(
        default=0.3, gt=0, description="Smallest shift, in reference units, worth an alarm."
    )
    retrain_every_days: int = Field(default=7, ge=1)
    retrain_cooldown_days: int = Field(default=3, ge=0)
    retrain_min_new_labels: int = Field(default=200, ge=1)

    feature_ttl_days: int = Field(default=30, ge=1)
    redis_timeout_ms: int = Field(default=50, ge=1)
    max_batch: int = Field(default=1000, ge=1)
    max_body_bytes: int = Field(default=262_144, ge=1024)
    rate_limit_per_s: int = Field(default=2000, ge=1)

    @field_validator("home", "data_dir", "java_home")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().resolve() if path else None

    def environment(self) -> dict[str, str]:
        """This process's environment with every setting resolved in it, for processes that must see the same settings."""
        values = self.model_dump(mode="json", exclude_none=True)
        own = {f"RETENTION_{name.upper()}": str(value) for name, value in values.items()}
        if Path(self.source).suffix in {".yaml", ".yml"}:
            own["RETENTION_SOURCE"] = str(Path(self.source).expanduser().resolve())
        return {**os.environ, **own}

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
    def simulated_dir(self) -> Path:
        return self.home / "source" / "simulated"
