"""Prometheus figures that a scraper can read, whose number of series depends on us alone."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import Route

from serve.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Name -> labels and value of each series, as a scraper reads them."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


@given(
    models=st.lists(
        st.tuples(
            st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
            st.text("0123456789abcdef"),
        )
    )
)
def test_there_is_one_model_in_use_and_it_is_the_last(models: list[tuple[str, str]]) -> None:
    metrics = Metrics()
    for version, digest in models:
        metrics.model(version, digest)
    expected = [({"version": version, "digest": digest}, 1.0) for version, digest in models[-1:]]
    assert samples(metrics).get("retention_model", []) == expected


def test_a_path_makes_no_series_and_a_route_makes_one() -> None:
    metrics, route = Metrics(), Route("/predict/{name}", lambda request: None)
    for number in range(50):
        metrics.request({"type": "http", "path": f"/{number}"}, 404, 0.001)
        metrics.request({"type": "http", "path": f"/predict/{number}", "route": route}, 200, 0.001)
    counted = [
        ({"route": "none", "status": "404"}, 50.0),
        ({"route": "/predict/{name}", "status": "200"}, 50.0),
    ]
    assert samples(metrics)["retention_requests_total"] == counted


def test_latencies_are_told_apart_around_the_promised_one() -> None:
    metrics = Metrics()
    for seconds in (0.0004, 0.012, 0.049, 0.051, 30.0):
        metrics.request({"type": "http"}, 200, seconds)
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


def test_degraded_answers_are_counted_and_not_the_requests_that_asked_for_them() -> None:
    metrics = Metrics()
    metrics.degraded(300)
    metrics.degraded(1)
    assert samples(metrics)["retention_degraded_answers_total"] == [({}, 301.0)]


def test_two_applications_in_one_process_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.degraded(1)
    assert samples(other)["retention_degraded_answers_total"] == [({}, 0.0)]
