"""What a worker of Ray does first: ports for everybody become ports for this machine, others stay as they were told."""

import pytest

from retention_assets.services.ray_worker import keep_to_loopback


@pytest.mark.parametrize(
    ("told", "bound"),
    [
        ("[::]:0", "127.0.0.1:0"),
        ("[::]:8500", "127.0.0.1:8500"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:0", "[::1]:0"),
    ],
)
def test_a_port_on_every_interface_is_one_on_loopback(
    told: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray._common import tls_utils

    def bind(server: object, address: str) -> int:
        asked.append((server, address))
        return 4711

    asked: list[tuple[object, str]] = []
    monkeypatch.setattr(tls_utils, "add_port_to_grpc_server", bind)
    keep_to_loopback()
    assert tls_utils.add_port_to_grpc_server("a server", told) == 4711
    assert asked == [("a server", bound)]


def test_serve_still_asks_for_its_port_by_the_name_and_address_that_are_rewritten() -> None:
    from inspect import getsource

    from ray.serve._private import replica

    assert 'add_port_to_grpc_server(self._server, "[::]:0")' in getsource(replica)
