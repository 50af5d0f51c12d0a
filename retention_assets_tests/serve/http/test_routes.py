"""The HTTP interface as DESIGN.md 4 promises it, against a real Redis."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from retention_assets_tests.serve.applications import KEY, choice_of, client_of
from retention_assets_tests.serve.bundles import FEATURES, published
from retention_assets_tests.serve.features.test_store import snapshot
from retention_assets_tests.serve.redis_server import RedisServer
from serve.http.limits import Limits
from serve.service import Service

ROWS = {"loyal": [1.0, 1.0, 0.0], "leaving": [90.0, 0.1, 4.0], "new": [float("nan")] * 3}
ANSWER = {
    "customer_id", "churn_probability", "churn_prediction", "risk_level", "confidence_score", "recommended_actions", "reasons",
    "model_version", "model_digest", "features_as_of", "variant", "degraded", "cached", "request_id",
}  # fmt: skip


@pytest.fixture
def served(redis_server: RedisServer, tmp_path: Path) -> Iterator[tuple[TestClient, Service]]:
    published(redis_server, ROWS)
    with client_of(redis_server.url, choice_of(tmp_path / "m"), tmp_path / "snapshot") as made:
        yield made


@pytest.fixture
def client(served: tuple[TestClient, Service]) -> TestClient:
    return served[0]


def told(answer: httpx.Response, status: int, code: str) -> dict:
    """The problem document, checked for its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:retention:problem:{code}"
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


def test_a_prediction_bears_all_that_was_promised(client: TestClient) -> None:
    answer = client.post("/predict", json={"customer_id": "leaving"})
    said = answer.json()
    assert answer.status_code == 200
    assert set(said) == ANSWER
    assert (said["risk_level"], said["churn_prediction"]) == ("CRITICAL", True)
    assert said["reasons"][0]["feature"] == "recency_days"
    assert said["recommended_actions"]
    assert (said["features_as_of"], said["model_version"], said["variant"]) == (
        "2024-03-04",
        "1",
        "champion",
    )
    assert (said["degraded"], said["cached"]) == (False, False)
    assert said["request_id"] == answer.headers["x-request-id"]


def test_a_customer_of_whom_nothing_is_known_is_answered_with_no_confidence(
    client: TestClient,
) -> None:
    said = client.post("/predict", json={"customer_id": "new"}).json()
    assert 0 < said["churn_probability"] < 1
    assert said["confidence_score"] == 0
    assert said["reasons"][0]["value"] is None


def test_an_unknown_customer_is_404(client: TestClient) -> None:
    told(client.post("/predict", json={"customer_id": "nobody"}), 404, "unknown-customer")


def test_a_batch_answers_in_order_and_lists_the_unknown(client: TestClient) -> None:
    said = client.post(
        "/predict/batch", json={"customer_ids": ["leaving", "nobody", "loyal"]}
    ).json()
    assert [one["customer_id"] for one in said["predictions"]] == ["leaving", "loyal"]
    assert said["unknown"] == ["nobody"]
    alone = client.post("/predict", json={"customer_id": "loyal"}).json()
    assert said["predictions"][1]["churn_probability"] == pytest.approx(
        alone["churn_probability"], abs=1e-6
    )


def test_a_batch_of_strangers_is_answered(client: TestClient) -> None:
    assert (
        client.post("/predict/batch", json={"customer_ids": ["x", "y"]}).json()["predictions"] == []
    )


def test_a_what_if_is_marked_and_follows_the_overrides(client: TestClient) -> None:
    before = client.post("/predict", json={"customer_id": "leaving"}).json()
    asked = {"customer_id": "leaving", "overrides": {"recency_days": 0, "engagement_score": None}}
    after = client.post("/predict/what-if", json=asked).json()
    assert after["churn_probability"] < before["churn_probability"]
    assert (after["what_if"], after["overridden"]) == (True, ["engagement_score", "recency_days"])
    assert (
        client.post("/predict", json={"customer_id": "leaving"}).json()["churn_probability"]
        == before["churn_probability"]
    )


def test_a_what_if_about_a_feature_that_is_none_is_422(client: TestClient) -> None:
    told(
        client.post("/predict/what-if", json={"customer_id": "loyal", "overrides": {"x": 1.0}}),
        422,
        "unknown-feature",
    )


BAD = [
    ("/predict", b""),
    ("/predict", b"{"),
    ("/predict", b"[]"),
    ("/predict", b"null"),
    ("/predict", b"\xff\xfe"),
    ("/predict", b"{}"),
    ("/predict", b'{"customer_id": 7}'),
    ("/predict", b'{"customer_id": ""}'),
    ("/predict", b'{"customer_id": null}'),
    ("/predict", b'{"customer_id": "a", "recency_days": 3}'),
    ("/predict", b'{"customer_id": "a\\u0000b"}'),
    ("/predict", b'{"customer_id": "\\ud800"}'),
    ("/predict", b'{"customer_id": "' + b"x" * 129 + b'"}'),
    ("/predict/batch", b'{"customer_ids": []}'),
    ("/predict/batch", b'{"customer_ids": "loyal"}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {}}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {"recency_days": NaN}}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {"recency_days": Infinity}}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {"recency_days": 1e999}}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {"recency_days": "3"}}'),
    ("/predict/what-if", b'{"customer_id": "loyal", "overrides": {"recency_days": true}}'),
]


@pytest.mark.parametrize(("path", "body"), BAD)
def test_a_body_of_another_form_is_422(client: TestClient, path: str, body: bytes) -> None:
    document = told(
        client.post(path, content=body, headers={"Content-Type": "application/json"}),
        422,
        "invalid-request",
    )
    assert document["errors"][0]["where"].startswith("body")


def test_other_paths_and_methods_are_problems_too(client: TestClient) -> None:
    told(client.get("/nowhere"), 404, "not-found")
    told(client.get("/predict"), 405, "method-not-allowed")


def test_a_body_over_the_limit_is_413_whether_declared_or_not(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(body_bytes=2000)) as (
        client,
        _,
    ):
        told(client.post("/predict", content=b"x" * 2001), 413, "body-too-large")
        told(client.post("/predict", content=iter([b"x" * 1500] * 2)), 413, "body-too-large")
        told(
            client.post("/predict", content=b"", headers={"Content-Length": "9" * 30}),
            413,
            "body-too-large",
        )


def test_a_batch_over_the_limit_is_413(redis_server: RedisServer, tmp_path: Path) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(batch=2)) as (
        client,
        _,
    ):
        told(
            client.post("/predict/batch", json={"customer_ids": ["a", "b", "c"]}),
            413,
            "batch-too-large",
        )


def test_a_key_over_its_rate_is_429_and_told_when_to_return(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(rate_per_s=3)) as (
        client,
        _,
    ):
        answers = [client.get("/model") for _ in range(10)]
        refused = next(answer for answer in answers if answer.status_code == 429)
        told(refused, 429, "too-many-requests")
        assert refused.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200


def test_without_redis_the_answer_is_degraded_and_quick(
    served, redis_server: RedisServer, tmp_path: Path
) -> None:
    client, _ = served
    before = client.post("/predict", json={"customer_id": "leaving"}).json()
    snapshot(tmp_path / "snapshot", ROWS)
    redis_server.stop()
    began = time.monotonic()
    after = client.post("/predict", json={"customer_id": "leaving"}).json()
    assert time.monotonic() - began < 1.0
    assert after["degraded"]
    assert after["churn_probability"] == before["churn_probability"]
    assert client.get("/ready").json()["store"] == "snapshot"
    assert "retention_degraded_answers_total 1.0" in client.get("/metrics").text


def test_without_redis_and_snapshot_it_is_503_with_retry_after_and_quick(
    served, redis_server: RedisServer
) -> None:
    client, _ = served
    redis_server.stop()
    for path, body in (
        ("/predict", {"customer_id": "loyal"}),
        ("/predict/batch", {"customer_ids": ["loyal"]}),
    ):
        began = time.monotonic()
        answer = client.post(path, json=body)
        assert time.monotonic() - began < 1.0
        told(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    told(client.get("/ready"), 503, "unavailable")
    assert client.get("/health").status_code == 200


def test_without_a_model_it_is_alive_but_not_ready(redis_server: RedisServer) -> None:
    with client_of(redis_server.url, None) as (client, _):
        assert client.get("/health").json() == {"status": "alive"}
        told(client.get("/ready"), 503, "unavailable")
        told(client.post("/predict", json={"customer_id": "a"}), 503, "unavailable")


def test_a_new_model_answers_the_next_request(served, tmp_path: Path) -> None:
    client, service = served
    choice = choice_of(tmp_path / "second", "2", intercept=1.0)
    asyncio.run(service.use(choice))
    said = client.post("/predict", json={"customer_id": "loyal"}).json()
    assert (said["model_version"], said["model_digest"]) == ("2", choice.digest)


def test_a_refused_model_is_told_and_the_old_one_goes_on(served, tmp_path: Path) -> None:
    client, service = served
    choice = choice_of(tmp_path / "second", "2", intercept=1.0)
    (tmp_path / "second" / "model.json").write_text("{}")
    asyncio.run(service.use(choice))
    assert client.post("/predict", json={"customer_id": "loyal"}).json()["model_version"] == "1"
    refused = client.get("/model").json()["refused"]
    assert (refused["model_version"], refused["model_digest"]) == ("2", choice.digest)
    assert "digest" in refused["reason"]
    assert client.get("/ready").json()["refused"] == refused


def test_model_tells_what_answers(client: TestClient) -> None:
    said = client.get("/model").json()
    assert (said["kind"], said["features"], said["threshold"]) == (
        "logistic_regression",
        FEATURES,
        0.5,
    )
    assert said["refused"] is None


def test_metrics_count_by_route_and_never_by_what_callers_write(client: TestClient) -> None:
    client.post("/predict", json={"customer_id": "loyal"})
    client.get("/made-up-by-a-caller")
    text = client.get("/metrics").text
    assert 'retention_requests_total{route="/predict",status="200"} 1.0' in text
    assert "made-up" not in text


def test_the_schema_documents_every_route_and_its_key(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()
    assert set(schema["paths"]) == {
        "/predict",
        "/predict/what-if",
        "/predict/batch",
        "/model",
        "/health",
        "/ready",
        "/metrics",
    }
    assert schema["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert set(schema["components"]["schemas"]["Prediction"]["properties"]) == ANSWER


def _routes() -> list[tuple[str, str]]:
    """Every route that the application has, from the application itself."""
    with client_of("unix:///nowhere/s", None) as (client, _):
        paths = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(
    "method, path", [*_routes(), ("GET", "/openapi.json"), ("GET", "/docs"), ("POST", "/nowhere")]
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {KEY}"])
def test_every_route_but_health_needs_a_key(method: str, path: str, header: str | None) -> None:
    with client_of("unix:///nowhere/s", None) as (client, _):
        del client.headers["Authorization"]
        answer = client.request(method, path, headers={"Authorization": header} if header else {})
    if path == "/health":
        assert answer.status_code == 200
    else:
        told(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
