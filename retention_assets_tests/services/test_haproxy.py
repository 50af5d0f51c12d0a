"""The launcher keeps HAProxy's side ports on loopback and execs the real binary."""

import subprocess
from pathlib import Path

import pytest

from retention_assets.services.haproxy import LAUNCHER

CONFIG = """frontend prometheus
    bind :19101
frontend http_frontend
    bind *:18000
listen stats
  bind *:18404
  stats uri /stats
"""


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """A launcher whose `haproxy` prints its process id and arguments."""
    binary = tmp_path / "real"
    binary.write_text('#!/bin/sh\necho $$ "$@"\n')
    path = tmp_path / "haproxy"
    path.write_text(LAUNCHER.format(stats=18404, metrics=19101, binary=binary))
    for file in (binary, path):
        file.chmod(0o700)
    return path


def test_side_ports_are_bound_to_loopback(launcher: Path, tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG)
    subprocess.run([launcher, "-db", "-f", config, "-dR"], check=True, capture_output=True)
    binds = [line.strip() for line in config.read_text().splitlines() if "bind" in line]
    assert binds == ["bind 127.0.0.1:19101", "bind *:18000", "bind 127.0.0.1:18404"]


def test_launcher_becomes_haproxy_with_all_arguments(launcher: Path, tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG)
    process = subprocess.Popen(
        [launcher, "-db", "-f", config, "-sf", "1", "2"], stdout=subprocess.PIPE, text=True
    )
    output, _ = process.communicate(timeout=10)
    assert output.split() == [str(process.pid), "-db", "-f", str(config), "-sf", "1", "2"]


def test_serve_template_has_the_rewritten_lines() -> None:
    from ray.serve._private.haproxy_templates import HAPROXY_CONFIG_TEMPLATE

    assert "    bind :{{ config.metrics_port }}\n" in HAPROXY_CONFIG_TEMPLATE
    assert "  bind *:{{ config.stats_port }}\n" in HAPROXY_CONFIG_TEMPLATE
