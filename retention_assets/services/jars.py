"""Delta's jars: Spark's resolver fetches them once from Maven Central; then all is offline."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from retention_assets.errors import SetupError
from retention_assets.services.java import is_embedded
from retention_assets.services.java_network import java_network_options

DELTA_PACKAGE = "io.delta:delta-spark_4.2_2.13:4.4.0"
# Spark's distribution contains the others of Delta's 33 dependencies.
NEEDED = (
    "delta-spark_4.2_2.13-4.4.0",
    "delta-storage-4.4.0",
    "delta-kernel-api-4.4.0",
    "delta-kernel-defaults-4.4.0",
    "delta-kernel-unitycatalog-4.4.0",
    "unitycatalog-client-0.6.0",
    "unitycatalog-hadoop-0.6.0",
    "jts-core-1.20.0",
)
RESOLVE = """
import sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
builder = builder.config("spark.jars.packages", sys.argv[1]).config("spark.jars.ivy", sys.argv[2])
builder.getOrCreate().stop()
"""
FETCH_S = 600
KEPT_VARIABLES = ("PATH", "HOME", "TMPDIR", "LANG")  # Not SPARK_HOME and its like: ours is used.
# How Ivy reports a server that it cannot reach.
ACCESS_ERROR = re.compile(
    r"Server access error at url \w+://(?P<host>[^/\s]+)\S* \((?P<cause>.+)\)"
)
UNTRUSTED = "PKIX path building failed, its certificate's authority is not trusted"
UNKNOWN_HOST = re.compile(r"Host (?P<host>\S+) not found")


def jars_folder() -> Path:
    """Beside the installed packages, so that every home of one clone shares the jars."""
    return Path(sys.prefix) / "share" / "retention-jars"


def missing_jars(folder: Path) -> list[str]:
    """Names of the needed jars that are not in the folder."""
    return [name for name in NEEDED if not (folder / f"{name}.jar").exists()]


def fetch_jars(folder: Path, java_home: Path) -> None:
    """Downloads the missing jars into the folder. Raises SetupError that says why it failed."""
    if not missing_jars(folder):
        return
    ivy = folder / "ivy"
    ivy.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", RESOLVE, DELTA_PACKAGE, str(ivy)]
    try:
        result = subprocess.run(
            command,
            env=_resolver_environment(ivy, java_home),
            capture_output=True,
            text=True,
            timeout=FETCH_S,
            check=False,
        )
        reason = failure_reason(result.stdout + result.stderr)
    except subprocess.TimeoutExpired:
        reason = f"no answer within {FETCH_S} s"
    for name in NEEDED:
        for jar in (ivy / "jars").glob(f"*_{name}.jar"):
            jar.replace(folder / f"{name}.jar")  # whole or not at all
    shutil.rmtree(ivy)
    if missing := missing_jars(folder):
        raise SetupError(
            f"Delta's jars could not be downloaded ({', '.join(missing)}): {reason}.",
            "Let this machine reach Maven Central once (HTTPS_PROXY names a proxy, SSL_CERT_FILE "
            f"the authorities it trusts), or copy the jars into {folder}.",
        )


def failure_reason(output: str) -> str:
    """The first line of a resolver's output that says why it failed, with the host it tried."""
    if error := ACCESS_ERROR.search(output):
        untrusted = "PKIX path building failed" in error["cause"]
        return f"{error['host']}: {UNTRUSTED if untrusted else error['cause']}"
    if error := UNKNOWN_HOST.search(output):
        return f"{error['host']}: unknown host"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"unresolved|exception|error", line, re.I)]
    return (telling or lines[-1:] or ["the resolver printed nothing"])[0][:300].rstrip(".")


def _resolver_environment(ivy: Path, java_home: Path) -> dict[str, str]:
    embedded = is_embedded(java_home)
    options = java_network_options(os.environ, ivy / "trust.p12", embedded=embedded)
    return {
        **{name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ},
        "JAVA_HOME": str(java_home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "JAVA_TOOL_OPTIONS": " ".join(options),
    }
