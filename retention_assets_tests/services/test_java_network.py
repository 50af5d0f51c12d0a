"""Java trusts the authorities that this machine trusts, and uses its proxy."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

from retention_assets.errors import SetupError
from retention_assets.services import jars
from retention_assets.services.jars import failure_reason, fetch_jars
from retention_assets.services.java import embedded_java_home
from retention_assets.services.java_network import (
    certificate_bundle,
    java_network_options,
    proxy_options,
    write_trust_store,
)
from retention_assets_tests.services.private_authority import https_server

JAR = "thing-1.0"
POM = """<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId>
<artifactId>thing</artifactId><version>1.0</version></project>"""
IVY_SETTINGS = """<ivysettings><settings defaultResolver="private"/><resolvers>
<ibiblio name="private" m2compatible="true" root="{address}"/></resolvers></ivysettings>"""
# Stands for Spark's resolver: Ivy from Spark's distribution, with the server of the test.
RESOLVE = """
import glob, os, pyspark, subprocess, sys
ivy = glob.glob(f"{{os.path.dirname(pyspark.__file__)}}/jars/ivy-*.jar")[0]
sys.exit(subprocess.run([
    f"{{os.environ['JAVA_HOME']}}/bin/java", "-cp", ivy, "org.apache.ivy.Main",
    "-settings", {settings!r}, "-cache", f"{{sys.argv[2]}}/cache",
    "-dependency", "test", "thing", "1.0",
    "-retrieve", f"{{sys.argv[2]}}/jars/[organization]_[artifact]-[revision].[ext]",
]).returncode)
"""
VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "https_proxy")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def private_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with one jar behind a private authority, whose PEM file this returns."""
    folder = tmp_path / "files" / "test" / "thing" / "1.0"
    folder.mkdir(parents=True)
    (folder / f"{JAR}.pom").write_text(POM)
    (folder / f"{JAR}.jar").write_bytes(b"a jar")
    with https_server(tmp_path / "files", tmp_path) as (address, authority):
        settings = tmp_path / "ivysettings.xml"
        settings.write_text(IVY_SETTINGS.format(address=address))
        monkeypatch.setattr(jars, "RESOLVE", RESOLVE.format(settings=str(settings)))
        monkeypatch.setattr(jars, "NEEDED", (JAR,))
        yield authority


def test_embedded_java_trusts_a_private_authority(
    private_repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(private_repository))
    fetch_jars(tmp_path / "jars", embedded_java_home(tmp_path / "java"))
    assert [file.name for file in (tmp_path / "jars").iterdir()] == [f"{JAR}.jar"]
    assert (tmp_path / "jars" / f"{JAR}.jar").read_bytes() == b"a jar"


def test_failed_download_names_host_and_reason(private_repository: Path, tmp_path: Path) -> None:
    """Without the authority the certificate is refused, and the message says so."""
    with pytest.raises(SetupError, match=r"localhost:\d+: PKIX path building failed.*Fix: "):
        fetch_jars(tmp_path / "jars", embedded_java_home(tmp_path / "java"))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            "\tServer access error at url https://a.org/x/y.pom (java.net.ConnectException: "
            "Connection refused)",
            "a.org: java.net.ConnectException: Connection refused",
        ),
        ("Host b.org not found. url=https://b.org/x.pom", "b.org: unknown host"),
        ("\n[UNRESOLVED DEPENDENCY: x#y;1.0: not found]\nlast", "[UNRESOLVED DEPENDENCY: x#y;1.0: "
         "not found]"),
        ("one line", "one line"),
        ("", "the resolver printed nothing"),
    ],
)  # fmt: skip
def test_failure_reason_is_the_first_telling_line(output: str, reason: str) -> None:
    assert failure_reason(output) == reason


def test_machines_own_java_keeps_its_authorities(tmp_path: Path) -> None:
    store = tmp_path / "trust.p12"
    assert java_network_options({}, store, embedded=False) == [] and not store.exists()
    assert certificate_bundle({}, embedded=True) is not None


def test_variables_name_the_bundle_for_every_java(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        assert certificate_bundle({name: str(bundle)}, embedded=False) == bundle
    missing = {"SSL_CERT_FILE": str(tmp_path / "none.pem")}
    assert certificate_bundle(missing, embedded=False) is None


def test_java_reads_every_certificate_of_the_store(tmp_path: Path) -> None:
    """A malformed certificate is left out; keytool of the JDK counts the others."""
    bundle = tmp_path / "bundle.pem"
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    bundle.write_bytes(broken + Path(certifi.where()).read_bytes())
    count = write_trust_store(bundle, tmp_path / "trust.p12")
    assert count == Path(certifi.where()).read_bytes().count(b"BEGIN CERTIFICATE")
    java = embedded_java_home(tmp_path / "java") / "bin" / "java"
    listing = [java, "-cp", "", "sun.security.tools.keytool.Main", "-list"]
    listing += ["-keystore", tmp_path / "trust.p12", "-storepass", "changeit"]
    result = subprocess.run(listing, capture_output=True, text=True, check=True, env={**os.environ})
    assert result.stdout.count("trustedCertEntry") == count


def test_proxy_variables_become_java_options() -> None:
    environment = {
        "HTTPS_PROXY": "http://proxy.example.org:3128",
        "http_proxy": "proxy.example.org",
        "NO_PROXY": "10.0.0.1, .example.org",
    }
    assert proxy_options(environment) == [
        "-Dhttp.proxyHost=proxy.example.org",
        "-Dhttp.proxyPort=80",
        "-Dhttps.proxyHost=proxy.example.org",
        "-Dhttps.proxyPort=3128",
        "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|10.0.0.1|*.example.org",
    ]
    assert proxy_options({"NO_PROXY": "x"}) == []
