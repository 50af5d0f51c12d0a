"""The local Ray head: its environment, its command, and the process that supervisor runs.

Everything listens on 127.0.0.1 only, the control plane requires the home's token, and the dashboard
is off. Drivers need `ray_environment` set before they import ray.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retention_assets.services.api_keys import ray_token_file
from retention_assets.services.haproxy import write_launcher
from retention_assets.services.ports import inner_ports
from retention_assets.services.processes import end_processes, processes_with_command
from retention_assets.services.run_folder import run_link
from retention_assets.settings import Settings

if TYPE_CHECKING:
    from ray._private.parameter import RayParams

OBJECT_STORE_BYTES = 100 * 1024 * 1024  # Serving passes nothing through it; Ray's least is 75 MB.
# Ray sets it for `worker_process_setup_hook` of a runtime_env; here it holds for every worker.
WORKER_HOOK = "__RAY_WORKER_PROCESS_SETUP_HOOK_ENV_VAR"
HARD_STOP_AFTER_S = 10  # How long a replaced HAProxy may finish its requests.


def local_ray_address(settings: Settings) -> str:
    """`host:port` for `ray.init` in drivers: the settings' cluster, else this home's head."""
    return settings.ray_address or f"127.0.0.1:{settings.ray_port}"


def ray_environment(settings: Settings) -> dict[str, str]:
    """Variables that the head and its drivers share; none for a cluster that runs elsewhere."""
    if settings.ray_address:
        return {}
    sockets = run_link(settings.home) / "ha"
    launcher = settings.home / "run" / "haproxy"
    inner = inner_ports(settings)
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(ray_token_file(settings)),
        # Off, Ray uses one machine and listens on loopback only, whatever the operating system.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(launcher),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(settings.haproxy_stats_port),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(settings.haproxy_metrics_port),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(HARD_STOP_AFTER_S),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(sockets / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(sockets / "admin.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(sockets / "metrics.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(sockets),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(sockets / "state"),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(inner[0]),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(inner[1]),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(inner[-1]),
        # The machine is busy with starting the other services. Serve kills a proxy that is not
        # ready within its limit (5 s unless set), and the deployment that awaits it fails too.
        "RAY_raylet_start_wait_time_s": "120",
        "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
        "RAY_SERVE_HAPROXY_STARTUP_TIMEOUT_S": "60",
        "DASHBOARD_METRIC_PORT": "0",
    }


def prepare_ray(settings: Settings) -> None:
    """Writes what `ray_environment` points to."""
    write_launcher(
        settings.home / "run" / "haproxy",
        settings.haproxy_stats_port,
        settings.haproxy_metrics_port,
    )


def ray_started_file(settings: Settings) -> Path:
    """Ray writes this file at the end of its start."""
    return run_link(settings.home) / "ray" / "ray_current_cluster"


def without_client_server(params: "RayParams", head: bool) -> None:
    """RAY_START_HOOK: turns the Ray Client server off; `ray start` has no option for it."""
    params.ray_client_server_port = None


def head_command(settings: Settings) -> list[str]:
    """`ray start` for this home. Port 0 leaves the choice of a free port to Ray."""
    return [
        str(Path(sys.executable).with_name("ray")),
        "start",
        "--head",
        "--block",
        "--node-ip-address=127.0.0.1",
        f"--port={settings.ray_port}",
        "--include-dashboard=false",
        "--dashboard-agent-listen-port=0",
        "--min-worker-port=0",
        "--max-worker-port=0",
        "--no-monitor",
        "--include-log-monitor=false",
        "--disable-usage-stats",
        f"--num-cpus={max(2, os.cpu_count() or 2)}",
        f"--object-store-memory={OBJECT_STORE_BYTES}",
        f"--temp-dir={run_link(settings.home) / 'ray'}",
    ]


def main() -> None:
    """Ends leftovers of an earlier head (HAProxy keeps its port), then execs `ray start`."""
    settings = Settings()
    folder = run_link(settings.home)
    end_processes(processes_with_command(f"{folder}/ray/", f"{folder}/ha/"), patience_s=5)
    for leftover in ("ray", "ha"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
    os.environ["RAY_START_HOOK"] = "retention_assets.services.ray_head.without_client_server"
    os.environ[WORKER_HOOK] = "retention_assets.services.ray_worker.keep_to_loopback"
    command = head_command(settings)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
