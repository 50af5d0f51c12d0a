"""Whether something answers at an address. Each probe gives up within two seconds and never raises."""

import socket

PATIENCE_S = 2.0


def answers_tcp(address: str) -> bool:
    """`address` is `host:port`, with or without a scheme before it."""
    host, _, port = address.split("://")[-1].split("/")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except (OSError, ValueError):
        return False
    return True


def answers_http(url: str) -> bool:
    import httpx

    try:
        return httpx.get(url, timeout=PATIENCE_S, trust_env=False).is_success
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def answers_redis(url: str) -> bool:
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        ) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError):  # ValueError: the URL is none
        return False
