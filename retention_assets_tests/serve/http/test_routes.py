"""The HTTP interface against a real Redis, as DESIGN.md section 4 describes it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from retention_assets_tests.serve.applications import KEY, choice_of, client_of
from retention_assets_tests.serve.bundles import FEATURES, publish_vectors
from retention_assets_tests.serve.features.test_store import snapshot
from retention_assets_tests.serve.redis_server import RedisServer
from serve.http.limits import Limits
from serve.service import PredictionService
from serve.states import ACTIVE, LAPSED, LEFT, RETURNED

ROWS = {
    "loyal": [1.0, 1.0, 0.0],
    "leaving": [90.0, 0.1, 4.0],
    "new": [float("nan")] * 3,
    "back": [1.0, 1.0, 0.0],
    "silent": [400.0, 0.0, 0.0],
    "gone": [400.0, 0.0, 0.0],
}
STATES = {"back": RETURNED, "silent": LAPSED, "gone": LEFT}
SEGMENTS = {"loyal": "champions", "silent": "lapsed", "gone": "left"}
PREDICTION_FIELDS = {
    "customer_id",
    "customer_state",
    "segment",
    "churn_probability",
    "churn_prediction",
    "risk_level",
    "confidence_score",
    "recommended_actions",
    "reasons",
    "model_version",
    "model_digest",
    "features_as_of",
    "variant",
    "degraded",
    "cached",
    "request_id",
}
RISK = ("churn_probability", "churn_prediction", "risk_level", "confidence_score")


@pytest.fixture
def served(
    redis_server: RedisServer, tmp_path: Path
) -> Iterator[tuple[TestClient, PredictionService]]:
    publish_vectors(redis_server, ROWS, states=STATES, segments=SEGMENTS)
    with client_of(redis_server.url, choice_of(tmp_path / "m"), tmp_path / "snapshot") as pair:
        yield pair


@pytest.fixture
def client(served: tuple[TestClient, PredictionService]) -> TestClient:
    return served[0]


def problem_of(answer: httpx.Response, status: int, code: str) -> dict:
    """The problem document of an answer, after checks of its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert document["type"] == f"urn:retention:problem:{code}"
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


def test_prediction_has_every_documented_field(client: TestClient) -> None:
    answer = client.post("/predict", json={"customer_id": "leaving"})
    content = answer.json()
    assert answer.status_code == 200
    assert set(content) == PREDICTION_FIELDS
    assert (content["risk_level"], content["churn_prediction"]) == ("CRITICAL", True)
    assert content["reasons"][0]["feature"] == "recency_days"
    assert content["recommended_actions"]
    assert (content["features_as_of"], content["model_version"], content["variant"]) == (
        "2024-03-04",
        "1",
        "champion",
    )
    assert (content["degraded"], content["cached"]) == (False, False)
    assert content["request_id"] == answer.headers["x-request-id"]


def test_customer_without_known_features_has_no_confidence(client: TestClient) -> None:
    content = client.post("/predict", json={"customer_id": "new"}).json()
    assert 0 < content["churn_probability"] < 1
    assert content["confidence_score"] == 0
    assert content["reasons"][0]["value"] is None


@pytest.mark.parametrize(
    ("customer", "state"), [("loyal", ACTIVE), ("leaving", ACTIVE), ("back", RETURNED)]
)
def test_customer_who_can_leave_has_a_full_answer(
    client: TestClient, customer: str, state: str
) -> None:
    content = client.post("/predict", json={"customer_id": customer}).json()
    assert (content["customer_state"], content["segment"]) == (state, SEGMENTS.get(customer))
    assert None not in [content[name] for name in RISK]


@pytest.mark.parametrize(
    ("customer", "state", "actions"),
    [("silent", LAPSED, ["Win-back offer with discount"]), ("gone", LEFT, [])],
)
def test_customer_who_cannot_leave_has_a_state_but_no_risk(
    client: TestClient, customer: str, state: str, actions: list[str]
) -> None:
    body = {"customer_id": customer}
    alone = client.post("/predict", json=body)
    assert alone.status_code == 200
    changed = client.post("/predict/what-if", json=body | {"overrides": {"recency_days": 0}})
    batch = client.post("/predict/batch", json={"customer_ids": ["leaving", customer, "loyal"]})
    others = [row["churn_probability"] for row in batch.json()["predictions"]]
    assert (others[0] > others[2], others[1]) == (True, None)
    for content in (alone.json(), changed.json(), batch.json()["predictions"][1]):
        assert set(content) >= PREDICTION_FIELDS
        assert {content[name] for name in RISK} == {None}
        assert (content["customer_state"], content["recommended_actions"]) == (state, actions)
        assert (content["segment"], content["reasons"]) == (SEGMENTS[customer], [])


def test_unknown_customer_is_404(client: TestClient) -> None:
    problem_of(client.post("/predict", json={"customer_id": "nobody"}), 404, "unknown-customer")


def test_batch_keeps_the_order_and_lists_unknown_customers(client: TestClient) -> None:
    content = client.post(
        "/predict/batch", json={"customer_ids": ["leaving", "nobody", "loyal"]}
    ).json()
    assert [prediction["customer_id"] for prediction in content["predictions"]] == [
        "leaving",
        "loyal",
    ]
    assert content["unknown"] == ["nobody"]
    alone = client.post("/predict", json={"customer_id": "loyal"}).json()
    assert content["predictions"][1]["churn_probability"] == pytest.approx(
        alone["churn_probability"], abs=1e-6
    )


def test_batch_of_unknown_customers_has_no_predictions(client: TestClient) -> None:
    assert (
        client.post("/predict/batch", json={"customer_ids": ["x", "y"]}).json()["predictions"] == []
    )


def test_what_if_is_marked_and_uses_the_overrides(client: TestClient) -> None:
    before = client.post("/predict", json={"customer_id": "leaving"}).json()
    body = {"customer_id": "leaving", "overrides": {"recency_days": 0, "engagement_score": None}}
    after = client.post("/predict/what-if", json=body).json()
    assert after["churn_probability"] < before["churn_probability"]
    assert (after["what_if"], after["overridden"]) == (True, ["engagement_score", "recency_days"])
    assert (
        client.post("/predict", json={"customer_id": "leaving"}).json()["churn_probability"]
        == before["churn_probability"]
    )


def test_what_if_with_an_unknown_feature_is_422(client: TestClient) -> None:
    problem_of(
        client.post("/predict/what-if", json={"customer_id": "loyal", "overrides": {"x": 1.0}}),
        422,
        "unknown-feature",
    )


INVALID_BODIES = [
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


@pytest.mark.parametrize(("path", "body"), INVALID_BODIES)
def test_invalid_body_is_422(client: TestClient, path: str, body: bytes) -> None:
    document = problem_of(
        client.post(path, content=body, headers={"Content-Type": "application/json"}),
        422,
        "invalid-request",
    )
    assert document["errors"][0]["where"].startswith("body")


def test_unknown_paths_and_methods_are_problems(client: TestClient) -> None:
    problem_of(client.get("/nowhere"), 404, "not-found")
    problem_of(client.get("/predict"), 405, "method-not-allowed")


def test_too_large_body_is_413(redis_server: RedisServer, tmp_path: Path) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(body_bytes=2000)) as (
        client,
        _,
    ):
        problem_of(client.post("/predict", content=b"x" * 2001), 413, "body-too-large")
        problem_of(client.post("/predict", content=iter([b"x" * 1500] * 2)), 413, "body-too-large")
        problem_of(
            client.post("/predict", content=b"", headers={"Content-Length": "9" * 30}),
            413,
            "body-too-large",
        )


def test_too_large_batch_is_413(redis_server: RedisServer, tmp_path: Path) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(batch=2)) as (
        client,
        _,
    ):
        problem_of(
            client.post("/predict/batch", json={"customer_ids": ["a", "b", "c"]}),
            413,
            "batch-too-large",
        )


def test_key_over_its_rate_is_429_with_retry_after(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    with client_of(redis_server.url, choice_of(tmp_path / "m"), limits=Limits(rate_per_s=3)) as (
        client,
        _,
    ):
        answers = [client.get("/model") for _ in range(10)]
        limited = next(answer for answer in answers if answer.status_code == 429)
        problem_of(limited, 429, "too-many-requests")
        assert limited.headers["retry-after"] == "1"
        assert client.get("/health").status_code == 200


def test_answer_without_redis_is_degraded_and_fast(
    served, redis_server: RedisServer, tmp_path: Path
) -> None:
    client, _ = served
    before = client.post("/predict", json={"customer_id": "leaving"}).json()
    snapshot(tmp_path / "snapshot", ROWS)
    redis_server.stop()
    started = time.monotonic()
    after = client.post("/predict", json={"customer_id": "leaving"}).json()
    assert time.monotonic() - started < 1.0
    assert after["degraded"]
    assert after["churn_probability"] == before["churn_probability"]
    assert client.get("/ready").json()["store"] == "snapshot"
    assert "retention_degraded_answers_total 1.0" in client.get("/metrics").text


def test_missing_redis_and_snapshot_is_503_and_fast(served, redis_server: RedisServer) -> None:
    client, _ = served
    redis_server.stop()
    for path, body in (
        ("/predict", {"customer_id": "loyal"}),
        ("/predict/batch", {"customer_ids": ["loyal"]}),
    ):
        started = time.monotonic()
        answer = client.post(path, json=body)
        assert time.monotonic() - started < 1.0
        problem_of(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    problem_of(client.get("/ready"), 503, "unavailable")
    assert client.get("/health").status_code == 200


def test_service_without_model_is_alive_but_not_ready(redis_server: RedisServer) -> None:
    with client_of(redis_server.url, None) as (client, _):
        assert client.get("/health").json() == {"status": "alive"}
        problem_of(client.get("/ready"), 503, "unavailable")
        problem_of(client.post("/predict", json={"customer_id": "a"}), 503, "unavailable")


def test_new_model_answers_the_next_request(served, tmp_path: Path) -> None:
    client, service = served
    choice = choice_of(tmp_path / "second", "2", intercept=1.0)
    asyncio.run(service.switch_model(choice))
    content = client.post("/predict", json={"customer_id": "loyal"}).json()
    assert (content["model_version"], content["model_digest"]) == ("2", choice.digest)


def test_refused_model_is_reported_and_old_one_stays(served, tmp_path: Path) -> None:
    client, service = served
    choice = choice_of(tmp_path / "second", "2", intercept=1.0)
    (tmp_path / "second" / "model.json").write_text("{}")
    asyncio.run(service.switch_model(choice))
    assert client.post("/predict", json={"customer_id": "loyal"}).json()["model_version"] == "1"
    refused = client.get("/model").json()["refused"]
    assert (refused["model_version"], refused["model_digest"]) == ("2", choice.digest)
    assert "digest" in refused["reason"]
    assert client.get("/ready").json()["refused"] == refused


def test_model_route_describes_the_model_in_use(client: TestClient) -> None:
    content = client.get("/model").json()
    assert (content["kind"], content["features"], content["threshold"]) == (
        "logistic_regression",
        FEATURES,
        0.5,
    )
    assert content["refused"] is None


def test_metrics_count_by_route_not_by_path(client: TestClient) -> None:
    client.post("/predict", json={"customer_id": "loyal"})
    client.get("/made-up-by-a-caller")
    text = client.get("/metrics").text
    assert 'retention_requests_total{route="/predict",status="200"} 1.0' in text
    assert "made-up" not in text


def test_openapi_documents_every_route_and_the_key(client: TestClient) -> None:
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
    assert set(schema["components"]["schemas"]["Prediction"]["properties"]) == PREDICTION_FIELDS


def _routes() -> list[tuple[str, str]]:
    """Method and path of every route, read from the application."""
    with client_of("unix:///nowhere/s", None) as (client, _):
        paths = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(
    "method, path", [*_routes(), ("GET", "/openapi.json"), ("GET", "/docs"), ("POST", "/nowhere")]
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {KEY}"])
def test_every_route_except_health_needs_a_key(method: str, path: str, header: str | None) -> None:
    with client_of("unix:///nowhere/s", None) as (client, _):
        del client.headers["Authorization"]
        answer = client.request(method, path, headers={"Authorization": header} if header else {})
    if path == "/health":
        assert answer.status_code == 200
    else:
        problem_of(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
