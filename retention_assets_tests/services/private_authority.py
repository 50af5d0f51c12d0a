"""A certificate authority made for a test, and an HTTPS server that it vouches for."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM = serialization.Encoding.PEM


def certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.Certificate:
    """A certificate for `subject`; it is an authority's where subject and issuer are the same."""
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
    ]
    today = datetime.now(UTC)
    builder = x509.CertificateBuilder(names[1], names[0], key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(today - timedelta(days=1))
    builder = builder.not_valid_after(today + timedelta(days=2))
    authority = x509.BasicConstraints(ca=subject == issuer, path_length=None)
    builder = builder.add_extension(authority, critical=True)
    host = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    return builder.add_extension(host, critical=False).sign(issuer_key, hashes.SHA256())


@contextmanager
def https_server(files: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Serves the files on https://localhost. Yields its address and the authority's PEM file."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    server_key = ec.generate_private_key(ec.SECP256R1())
    authority = certificate("Test authority", authority_key, "Test authority", authority_key)
    server = certificate("localhost", server_key, "Test authority", authority_key)
    bundle = folder / "authority.pem"
    bundle.write_bytes(authority.public_bytes(PEM))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    chain = folder / "server.pem"
    chain.write_bytes(server_key.private_bytes(PEM, *private) + server.public_bytes(PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    handler = partial(SimpleHTTPRequestHandler, directory=str(files))
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    http.socket = context.wrap_socket(http.socket, server_side=True)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"https://localhost:{http.server_port}", bundle
    finally:
        http.shutdown()
        thread.join()
        http.server_close()
