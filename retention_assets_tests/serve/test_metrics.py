"""The metrics are valid Prometheus text, and callers cannot create time series."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from serve.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Name -> labels and value of each series, parsed as by a scraper."""
    series: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            series.setdefault(sample.name, []).append((sample.labels, sample.value))
    return series


@given(
    models=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
            st.text("0123456789abcdef"),
        )
    )
)
def test_only_the_last_model_is_in_use(models: list[tuple[str, str]]) -> None:
    metrics = Metrics()
    for version, digest in models:
        metrics.set_model(version, digest)
    expected = [({"version": version, "digest": digest}, 1.0) for version, digest in models[-1:]]
    assert samples(metrics).get("retention_model", []) == expected


def test_series_are_created_per_route_not_per_path() -> None:
    metrics = Metrics()
    route = Route("/predict/{name}", lambda request: None)
    for number in range(50):
        metrics.record_request({"type": "http", "path": f"/{number}"}, 404, 0.001)
        metrics.record_request(
            {"type": "http", "path": f"/predict/{number}", "route": route}, 200, 0.001
        )
    counted = [
        ({"route": "none", "status": "404"}, 50.0),
        ({"route": "/predict/{name}", "status": "200"}, 50.0),
    ]
    assert samples(metrics)["retention_requests_total"] == counted


def test_latency_buckets_separate_values_around_50_ms() -> None:
    metrics = Metrics()
    for seconds in (0.0004, 0.012, 0.049, 0.051, 30.0):
        metrics.record_request({"type": "http"}, 200, seconds)
    below = {
        labels["le"]: count
        for labels, count in samples(metrics)["retention_request_seconds_bucket"]
    }
    assert (below["0.001"], below["0.02"], below["0.05"], below["0.1"], below["+Inf"]) == (
        1.0,
        2.0,
        3.0,
        4.0,
        5.0,
    )


def test_degraded_answers_are_counted_per_customer() -> None:
    metrics = Metrics()
    metrics.record_degraded(300)
    metrics.record_degraded(1)
    assert samples(metrics)["retention_degraded_answers_total"] == [({}, 301.0)]


def test_two_applications_in_a_process_count_separately() -> None:
    first = Metrics()
    second = Metrics()
    first.record_degraded(1)
    assert samples(second)["retention_degraded_answers_total"] == [({}, 0.0)]
