"""No request makes the service fail or reveal internal details."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from retention_assets_tests.serve.applications import choice_of, client_of
from retention_assets_tests.serve.bundles import publish_vectors
from retention_assets_tests.serve.redis_server import RedisServer
from serve.model.scorer import Scorer

INTERNAL_DETAILS = re.compile(
    r"Traceback|File \"|site-packages|\.py\b|redis|unix:|pydantic"
    r"|/tmp|/home|/root|/usr|serve\.|0x[0-9a-f]{6}",
    re.I,
)
PATHS = [
    "/predict",
    "/predict/batch",
    "/predict/what-if",
    "/model",
    "/health",
    "/ready",
    "/nowhere",
    "/predict/../model",
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=8,
)
NEARLY_VALID = st.fixed_dictionaries(
    {},
    optional={
        "customer_id": JSON | st.text(max_size=140),
        "customer_ids": JSON | st.lists(st.text(max_size=10), max_size=3),
        "overrides": JSON
        | st.dictionaries(
            st.sampled_from(["recency_days", "x"]), st.floats() | st.none(), max_size=2
        ),
    },
)
BODIES = st.binary(max_size=200) | st.builds(
    lambda value: json.dumps(value).encode(), JSON | NEARLY_VALID
)


@pytest.fixture
def client(redis_server: RedisServer, tmp_path: Path) -> Iterator[TestClient]:
    publish_vectors(redis_server, {"a": [1.0, 2.0, 3.0]})
    with client_of(redis_server.url, choice_of(tmp_path / "m")) as (client, _):
        yield client


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(method=st.sampled_from(["GET", "POST", "PUT"]), path=st.sampled_from(PATHS), body=BODIES)
def test_no_request_fails_or_reveals_internal_details(
    client: TestClient, method: str, path: str, body: bytes
) -> None:
    answer = client.request(method, path, content=body)
    assert answer.status_code in {200, 404, 405, 413, 422}
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert not INTERNAL_DETAILS.search(answer.text), answer.text


def test_internal_error_reveals_only_the_request_id(client: TestClient, monkeypatch) -> None:
    def broken(self: Scorer, vector: object) -> None:
        raise RuntimeError("secret of /root/insides.py")

    monkeypatch.setattr(Scorer, "score", broken)
    answer = client.post("/predict", json={"customer_id": "a"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert not INTERNAL_DETAILS.search(answer.text)
    assert "secret" not in answer.text
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
