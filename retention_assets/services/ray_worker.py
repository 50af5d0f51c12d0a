"""Set-up hook of every worker process of the local Ray. Every worker imports it: keep it light.

Serve binds a replica's internal gRPC port to every interface and has no setting for it. The port
requires Ray's token; the hook keeps it on loopback as well.
"""

ANY_INTERFACE = "[::]:"


def keep_to_loopback() -> None:
    """Opens gRPC ports on 127.0.0.1 that Serve would open on every interface."""
    from ray._common import tls_utils

    bind = tls_utils.add_port_to_grpc_server
    tls_utils.add_port_to_grpc_server = lambda server, address: bind(
        server, address.replace(ANY_INTERFACE, "127.0.0.1:")
    )
