"""Gives a Java process this machine's certificate authorities and proxy.

Java reads neither SSL_CERT_FILE nor HTTPS_PROXY, and the embedded Java trusts only its built-in
authorities: where a company proxy re-signs TLS, its downloads fail although Python's work.
"""

import ssl
import warnings
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

STORE_PASSWORD = "changeit"  # Java's default; the store holds public certificates only.
PEM_END = b"-----END CERTIFICATE-----"
LOCAL_HOSTS = ["localhost", "127.*", "[::1]"]


def java_network_options(
    environment: Mapping[str, str], trust_store: Path, *, embedded: bool
) -> list[str]:
    """Options for a `java` command. Writes the trust store where Java needs one."""
    options = proxy_options(environment)
    if bundle := certificate_bundle(environment, embedded=embedded):
        write_trust_store(bundle, trust_store)
        options.append(f"-Djavax.net.ssl.trustStore={trust_store}")
        options.append("-Djavax.net.ssl.trustStoreType=PKCS12")
        options.append(f"-Djavax.net.ssl.trustStorePassword={STORE_PASSWORD}")
    return options


def certificate_bundle(environment: Mapping[str, str], *, embedded: bool) -> Path | None:
    """The PEM file of the authorities to trust; None: Java's own list is right.

    A variable that names a bundle comes first. The machine's own Java is left as it is otherwise;
    the embedded one gets the machine's bundle, else that of the certifi package.
    """
    named = [environment.get("SSL_CERT_FILE"), environment.get("REQUESTS_CA_BUNDLE")]
    candidates = [Path(name) for name in named if name]
    if embedded:
        import certifi

        machine = ssl.get_default_verify_paths().cafile
        candidates += [Path(name) for name in (machine, certifi.where()) if name]
    return next((path for path in candidates if path.is_file()), None)


def write_trust_store(bundle: Path, store: Path) -> int:
    """Writes the bundle's certificates as a PKCS12 trust store. Returns how many it holds."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.utils import CryptographyDeprecationWarning

    entries = []
    for block in bundle.read_bytes().split(PEM_END)[:-1]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", CryptographyDeprecationWarning)
                certificate = x509.load_pem_x509_certificate(block + PEM_END)
        except ValueError:  # An authority with a malformed certificate is not trusted.
            continue
        alias = f"authority-{len(entries)}".encode()
        entries.append(pkcs12.PKCS12Certificate(certificate, alias))
    encryption = BestAvailableEncryption(STORE_PASSWORD.encode())
    store.parent.mkdir(parents=True, exist_ok=True)
    store.write_bytes(pkcs12.serialize_java_truststore(entries, encryption))
    return len(entries)


def proxy_options(environment: Mapping[str, str]) -> list[str]:
    """Java's form of HTTP_PROXY, HTTPS_PROXY and NO_PROXY; lower case comes first, as in curl."""
    options = []
    for scheme, port in (("http", 80), ("https", 443)):
        address = _variable(environment, f"{scheme}_proxy")
        if not address:
            continue
        proxy = urlsplit(address if "://" in address else f"http://{address}")
        options.append(f"-D{scheme}.proxyHost={proxy.hostname}")
        options.append(f"-D{scheme}.proxyPort={proxy.port or port}")
    if options:
        listed = (_variable(environment, "no_proxy") or "").split(",")
        hosts = [_host_pattern(host.strip()) for host in listed if host.strip()]
        options.append(f"-Dhttp.nonProxyHosts={'|'.join([*LOCAL_HOSTS, *hosts])}")
    return options


def _host_pattern(host: str) -> str:
    """`.example.org` means every host below it; Java writes that with a star."""
    return f"*{host}" if host.startswith(".") else host


def _variable(environment: Mapping[str, str], name: str) -> str | None:
    return environment.get(name) or environment.get(name.upper())
