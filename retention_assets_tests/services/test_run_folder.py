"""Sockets have short paths however deep the home lies."""

import socket
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services.run_folder import make_run_folder, remove_run_link, run_link

LONGEST_SOCKET = (
    "ha/" + 56 * "f" + "/admin.sock.4194304.tmp"
)  # HAProxy's, below the id of Ray's node


def test_socket_fits_in_a_long_home_path(
    tmp_path: Path,
) -> None:
    home = tmp_path / ("deep" * 30)
    link = make_run_folder(home)
    try:
        (link / LONGEST_SOCKET).parent.mkdir(parents=True)
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(link / LONGEST_SOCKET))
        assert (home / "run" / LONGEST_SOCKET).is_socket()
        assert (home / "run").stat().st_mode & 0o077 == 0
    finally:
        remove_run_link(home)
    assert not run_link(home).is_symlink()


def test_each_home_has_its_own_link(tmp_path: Path) -> None:
    assert run_link(tmp_path / "a") != run_link(tmp_path / "b")
    assert run_link(tmp_path / "a") == run_link(tmp_path / "a")


def test_foreign_link_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_link(home).symlink_to(tmp_path)
    try:
        with pytest.raises(SetupError, match="does not belong to this home"):
            make_run_folder(home)
    finally:
        remove_run_link(home)
