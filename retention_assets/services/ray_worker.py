"""What every worker process of the local Ray does first. Imported by each of them: nothing heavy here.

Serve binds a replica's internal gRPC port to every interface and has no setting for it. It asks for Ray's token, but a
server of ours stays on loopback unless told otherwise.
"""

ANY_INTERFACE = "[::]:"


def keep_to_loopback() -> None:
    """Worker set-up hook: gRPC ports that Serve would open on every interface open on 127.0.0.1."""
    from ray._common import tls_utils

    bind = tls_utils.add_port_to_grpc_server
    tls_utils.add_port_to_grpc_server = lambda server, address: bind(
        server, address.replace(ANY_INTERFACE, "127.0.0.1:")
    )
