"""`retention model` and `retention rollback` on a real registry: output, errors and exit codes."""

import json
from pathlib import Path

import pytest

from retention_assets.resources.registry import Registry
from retention_assets.settings import Settings
from retention_assets_tests.cli.in_process import Call
from retention_assets_tests.resources.models import promoted


def test_model_shows_champion_or_a_version(call: Call, tmp_path: Path) -> None:
    registry = Registry.of(Settings(home=tmp_path / "home"))
    digests = [promoted(registry, tmp_path / str(step), float(step))[1] for step in range(2)]
    champion = json.loads(call("model", "--json").stdout)
    assert (champion["version"], champion["digest"]) == ("2", digests[1])
    assert champion["is_champion"] and champion["record"] is None
    assert champion["card"]["features"][0] == "recency_days"
    first = json.loads(call("model", "1", "--json").stdout)
    assert (first["digest"], first["is_champion"]) == (digests[0], False)
    assert first["champion"][0]["ended_at"] == champion["champion"][0]["began_at"]
    assert "Model churn, version 1 (by hand)" in call("model", "1").stdout
    missing = call("model", "9")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("Model churn has no version 9. Fix: ")


@pytest.mark.parametrize(
    ("command", "problem"),
    [("model", "There is no model yet. Fix: Run"), ("rollback", "The platform is not running: ")],
)
def test_empty_home_is_an_error_of_one_line(call: Call, command: str, problem: str) -> None:
    result = call(command)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(problem) and " Fix: " in result.stderr
    assert result.stderr.count("\n") == 1
