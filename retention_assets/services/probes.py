"""Whether something answers at an address. A probe takes at most two seconds and never raises."""

import socket
from pathlib import Path

PATIENCE_S = 2.0


def answers_tcp(address: str) -> bool:
    """`address` is `host:port`, with or without a scheme before it."""
    host, _, port = address.split("://")[-1].split("/")[0].rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE_S).close()
    except (OSError, ValueError):
        return False
    return True


def answers_unix(path: Path) -> bool:
    """Whether something listens on the Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE_S)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def answers_graph(url: str) -> bool:
    """Whether Dagster's webserver answers there and has loaded every code location."""
    import httpx

    query = {
        "query": "{ workspaceOrError { ... on Workspace { locationEntries { ... on "
        "WorkspaceLocationEntry { locationOrLoadError { __typename } } } } } }"
    }
    try:
        reply = httpx.post(f"{url}/graphql", json=query, timeout=PATIENCE_S, trust_env=False)
        entries = reply.json()["data"]["workspaceOrError"]["locationEntries"]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return False
    types = [(entry["locationOrLoadError"] or {}).get("__typename") for entry in entries]
    return bool(types) and set(types) == {"RepositoryLocation"}


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
