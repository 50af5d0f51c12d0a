"""`retention source check`: what it prints, its exit codes, and that it stores nothing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retention_assets.cli.app import app
from retention_assets.resources.lake import Lake
from retention_assets.settings import PREFIX
from retention_assets_tests.validation.source_folders import write_source

CLONE = Path(__file__).parents[3]
RETENTION = Path(sys.executable).with_name("retention")
ORDERS = "\n".join(
    [
        "order,customer,time,total,channel",
        "1001,ann,2024-01-02 10:00:00,20.5,web",
        "1002,bob,2024-01-03 11:00:00,7.25,shop",
        *(f"{number},ann,2024-02-01 09:30:00,12.0,web" for number in range(1003, 1112)),
        *(f"{number},cid,02/02/2024 10:15,8.0,web" for number in range(1112, 1121)),
        "",
    ]
)


def source_check(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command next to the home, with this clone's code and default settings."""
    variables = {name: text for name, text in os.environ.items() if not name.startswith(PREFIX)}
    return subprocess.run(
        [RETENTION, "source", "check", *arguments],
        cwd=home.parent,
        env=variables | {"RETENTION_HOME": str(home), "PYTHONPATH": str(CLONE)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def readme_blocks() -> tuple[str, list[str]]:
    """The README's profile, and the lines of the output that it shows for it."""
    readme = (CLONE / "README.md").read_text()
    profile = re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    output = re.findall(r"^```\n(transactions  .*?)^```", readme, re.MULTILINE | re.DOTALL)[0]
    return profile, output.splitlines()


def test_readme_profile_prints_what_the_readme_shows(tmp_path: Path) -> None:
    """The real command with a Spark of its own: the home must stay as it is, which is missing."""
    profile, shown = readme_blocks()
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "all.csv").write_text(ORDERS)
    (tmp_path / "shop.yaml").write_text(profile)
    files = sorted(tmp_path.rglob("*"))
    result = source_check(tmp_path / "home", "shop.yaml")
    assert (result.returncode, result.stderr) == (1, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert [line for line in shown if line not in [*lines, "..."]] == []
    assert sorted(tmp_path.rglob("*")) == files


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nosuch.yaml",), 1, "There is no source profile nosuch.yaml. Fix: "),
        (("simulated",), 1, "The files of the simulated source do not exist yet. Fix: "),
    ],
)
def test_error_is_one_line_with_a_fix(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path
) -> None:
    result = source_check(tmp_path / "home", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [(), ("shop.yaml", "--files", "0"), ("a", "b")])
def test_wrong_use_exits_with_2(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["source", "check", *arguments])
    assert result.exit_code == 2
    assert "Usage" in result.output


@pytest.fixture
def shared_spark(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the worker's Spark instead of starting one."""
    monkeypatch.setattr(Lake, "of", lambda settings: lake)


@pytest.mark.usefixtures("shared_spark")
def test_json_has_rows_columns_and_features(tmp_path: Path) -> None:
    path = write_source(tmp_path)
    result = CliRunner().invoke(app, ["source", "check", str(path), "--files", "2", "--json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    orders, customers = document["tables"]
    assert document["acceptable"]
    assert orders["files"]["sampled"] == ["orders/2024-01-02.csv", "orders/2024-01-09.csv"]
    assert (orders["sample"]["rows"]["valid"], orders["files"]["last_day"]) == (3, "2024-01-09")
    assert customers["sample"]["columns"][0]["expression"] == "who"
    assert document["missing_features"]["contacts_90d"] == "the source has no campaign_contacts"


@pytest.mark.usefixtures("shared_spark")
def test_text_ends_with_one_line_of_conclusion(tmp_path: Path) -> None:
    path = write_source(tmp_path)
    result = CliRunner().invoke(app, ["source", "check", str(path)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "shop can be taken in: 6 rows of the sample are valid."
    assert "1 more outside the profile's days" in result.output
