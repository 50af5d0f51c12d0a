"""The set-up hook of Ray's workers: ports for every interface open on loopback only."""

import pytest

from retention_assets.services.ray_worker import keep_to_loopback


@pytest.mark.parametrize(
    ("address", "bound"),
    [
        ("[::]:0", "127.0.0.1:0"),
        ("[::]:8500", "127.0.0.1:8500"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
    ],
)
def test_grpc_port_opens_on_loopback_only(
    address: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray._common import tls_utils

    def bind(server: object, address: str) -> int:
        calls.append((server, address))
        return 4711

    calls: list[tuple[object, str]] = []
    monkeypatch.setattr(tls_utils, "add_port_to_grpc_server", bind)
    keep_to_loopback()
    assert tls_utils.add_port_to_grpc_server("a server", address) == 4711
    assert calls == [("a server", bound)]


def test_installed_serve_uses_the_patched_call() -> None:
    from inspect import getsource

    from ray.serve._private import replica

    assert 'add_port_to_grpc_server(self._server, "[::]:0")' in getsource(replica)
