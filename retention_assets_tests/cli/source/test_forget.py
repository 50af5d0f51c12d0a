"""`retention source forget`: what it prints, and what the ledger says afterwards."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retention_assets.cli.app import app
from retention_assets.errors import LedgerError
from retention_assets.sources.ledger import FORGOTTEN, READ, Ledger, State, new_entries
from retention_assets.sources.load_profile import load_profile
from retention_assets.sources.source_files import SourceFile, source_files
from retention_assets_tests.sources.test_load_profile import GOOD, write

NAME = "orders/2024-01-02.csv"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """The ledger of a home that has read a shop's files, of which one is gone since."""
    settings = write(tmp_path, GOOD)
    profile = load_profile(settings)
    ledger = Ledger(settings.lake_root)
    states: dict[SourceFile, State] = dict.fromkeys(source_files(profile), READ)
    ledger.add(new_entries(profile, states, ledger.content(), run_id="run"))
    (tmp_path / NAME).unlink()
    monkeypatch.setenv("RETENTION_HOME", str(settings.home))
    monkeypatch.setenv("RETENTION_SOURCE", str(settings.source))
    return ledger


def test_forgotten_file_is_named_with_what_follows(ledger: Ledger) -> None:
    result = CliRunner().invoke(app, ["source", "forget", NAME])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [f"customers: {NAME}", f"transactions: {NAME}"]
    assert "`retention run`" in result.stdout
    assert {entry.state for key, entry in ledger.content().newest.items() if key[1] == NAME} == {
        FORGOTTEN
    }


def test_json_lists_the_entries(ledger: Ledger) -> None:
    result = CliRunner().invoke(app, ["source", "forget", "2024-01-02.csv", "--json"])
    assert [entry["table"] for entry in json.loads(result.stdout)] == ["customers", "transactions"]


@pytest.mark.parametrize("name", ["2024-01-05.csv", "nosuch.csv"])
def test_file_that_is_there_or_unknown_changes_nothing(ledger: Ledger, name: str) -> None:
    before = ledger.content()
    result = CliRunner().invoke(app, ["source", "forget", NAME, name])
    assert isinstance(result.exception, LedgerError)
    assert ledger.content() == before
