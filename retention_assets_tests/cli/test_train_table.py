"""`retention train-table` on IBM's Telco tables, joined: what a user gets from one command, and from a wrong one."""

import json
import subprocess
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CLONE = Path(__file__).parents[2]
TELCO = ("customer-service.csv", "billing.csv", "products.csv")
FILES = {"report.html", "report.json", "scores.csv", "model"}


def train_table(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retention_assets.cli.app", "train-table", *arguments]
    return subprocess.run(
        command, cwd=CLONE, capture_output=True, text=True, timeout=280, check=False
    )


@pytest.fixture(scope="module")
def telco(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.csv and test.csv, a fifth of the customers."""
    if not (data_dir / "telco").is_dir():
        pytest.skip(f"no Telco tables in {data_dir}: set RETENTION_DATA_DIR to where they lie")
    parts = [pd.read_csv(data_dir / "telco" / name, dtype=str) for name in TELCO]
    joined = reduce(lambda left, right: left.merge(right, on="customerID"), parts)
    folder, in_test = (
        tmp_path_factory.mktemp("telco"),
        np.random.default_rng(1).random(len(joined)) < 0.2,
    )
    joined[in_test].to_csv(folder / "test.csv", index=False)
    joined[~in_test].to_csv(folder / "train.csv", index=False)
    return folder


def test_one_command_trains_judges_and_scores_the_second_file(telco: Path, tmp_path: Path) -> None:
    second = pd.read_csv(telco / "test.csv", dtype=str)
    done = train_table(
        str(telco / "train.csv"), "--label", "Churn", "--id", "customerID", "--test", str(telco / "test.csv"),
        "--out", str(tmp_path / "out"), "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == json.loads((tmp_path / "out" / "report.json").read_text())
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    rows = {row["candidate"]: row for row in said["leaderboard"]}
    assert (
        said["promoted"]
        and rows[said["chosen"]]["auc"] > 0.82
        and rows[said["chosen"]]["ece"] < 0.05
    )
    assert rows[said["chosen"]]["accuracy"] > rows["nobody"]["accuracy"] + 0.03
    assert said["base_rate"] == pytest.approx((second["Churn"] == "Yes").mean())
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert (
        scores.columns.tolist() == ["id", "probability"]
        and scores["id"].tolist() == second["customerID"].tolist()
    )
    assert scores["probability"].mean() == pytest.approx(said["base_rate"], abs=0.05)
    page = (tmp_path / "out" / "report.html").read_text()
    assert said["chosen"] in page and page.count("data:image/png;base64,") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("none.csv", "--label", "y", "--id", "id"), 1, "There is no file"),
        (("none.csv", "--label", "y"), 2, "--id"),
    ],
)
def test_a_wrong_call_says_how_to_mend_it(
    arguments: tuple[str, ...], code: int, told: str, tmp_path: Path
) -> None:
    done = train_table(*arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == code and told in done.stderr
    assert "Traceback" not in done.stderr
