"""Fixture of the serving tests: a real Redis."""

from collections.abc import Iterator

import pytest

from retention_assets_tests.serve.redis_server import RedisServer


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.remove()
