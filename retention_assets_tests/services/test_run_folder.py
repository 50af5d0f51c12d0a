"""Sockets have short paths however deep the home lies."""

import socket
from pathlib import Path

import pytest

from retention_assets.errors import SetupError
from retention_assets.services.run_folder import make_run_folder, remove_run_link, run_link

LONGEST_SOCKET = (
    "ha/" + 56 * "f" + "/admin.sock.4194304.tmp"
)  # HAProxy's, below the id of Ray's node


def test_a_socket_can_be_made_in_a_home_whose_path_is_longer_than_a_socket_may_be(
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


def test_two_homes_have_two_links_and_one_home_keeps_its_own(tmp_path: Path) -> None:
    assert run_link(tmp_path / "a") != run_link(tmp_path / "b")
    assert run_link(tmp_path / "a") == run_link(tmp_path / "a")


def test_a_link_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_link(home).symlink_to(tmp_path)
    try:
        with pytest.raises(SetupError, match="stands in the way"):
            make_run_folder(home)
    finally:
        remove_run_link(home)
