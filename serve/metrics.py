"""Prometheus metrics of one replica: requests, latency, degraded answers and the model in use."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

_LATENCY_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Uses its own registry, so that two applications in one process do not collide."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "retention_requests", "Requests.", ["route", "status"], registry=self._registry
        )
        self._latency = Histogram(
            "retention_request_seconds",
            "Time to answer.",
            ["route"],
            buckets=_LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self._degraded = Counter(
            "retention_degraded_answers", "Answers from a snapshot.", registry=self._registry
        )
        self._model = Gauge(
            "retention_model",
            "1 for the model in use.",
            ["version", "digest"],
            registry=self._registry,
        )

    def record_request(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's pattern, not the path: callers must not be able to create time series.
        route = getattr(scope.get("route"), "path", "none")
        self._requests.labels(route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def record_degraded(self, answers: int) -> None:
        self._degraded.inc(answers)

    def set_model(self, version: str, digest: str) -> None:
        self._model.clear()
        self._model.labels(version, digest).set(1)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)
