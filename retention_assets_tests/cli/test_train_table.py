"""`retention train-table` on IBM's Telco tables, and its answer to a wrong call."""

import json
import os
import subprocess
import sys
from functools import reduce
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from retention_assets_tests.cli.in_process import Call

CLONE = Path(__file__).parents[2]
TELCO = ("customer-service.csv", "billing.csv", "products.csv")
FILES = {"report.html", "report.json", "scores.csv", "model"}


def train_table(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "retention_assets.cli.app", "train-table", *arguments]
    # The 1,400 rows of the second file cannot show that probabilities are within 3 points.
    environment = os.environ | {"RETENTION_CALIBRATION_TOLERANCE": "0.06"}
    return subprocess.run(
        command,
        cwd=CLONE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def telco(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """train.csv and test.csv, a fifth of the customers."""
    if not (data_dir / "telco").is_dir():
        pytest.skip(f"no Telco tables in {data_dir}: set RETENTION_DATA_DIR to their folder")
    parts = [pd.read_csv(data_dir / "telco" / name, dtype=str) for name in TELCO]
    joined = reduce(lambda left, right: left.merge(right, on="customerID"), parts)
    folder = tmp_path_factory.mktemp("telco")
    in_test = np.random.default_rng(1).random(len(joined)) < 0.2
    joined[in_test].to_csv(folder / "test.csv", index=False)
    joined[~in_test].to_csv(folder / "train.csv", index=False)
    return folder


def test_command_trains_and_scores_the_second_file(telco: Path, tmp_path: Path) -> None:
    second = pd.read_csv(telco / "test.csv", dtype=str)
    roles = ("--label", "Churn", "--id", "customerID", "--test", str(telco / "test.csv"))
    folder = ("--out", str(tmp_path / "out"))
    result = train_table(str(telco / "train.csv"), *roles, *folder, "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report == json.loads((tmp_path / "out" / "report.json").read_text())
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    rows = {row["candidate"]: row for row in report["leaderboard"]}
    chosen = rows[report["chosen"]]
    assert report["promoted"]
    assert report["profit_assumes_that"].startswith("a contact costs 8 and keeps 25%")
    assert chosen["auc"] > 0.82
    assert chosen["ece"] < 0.05
    assert chosen["accuracy"] > rows["nobody"]["accuracy"] + 0.03
    assert report["base_rate"] == pytest.approx((second["Churn"] == "Yes").mean())
    scores = pd.read_csv(tmp_path / "out" / "scores.csv")
    assert scores.columns.tolist() == ["id", "probability"]
    assert scores["id"].tolist() == second["customerID"].tolist()
    assert scores["probability"].mean() == pytest.approx(report["base_rate"], abs=0.05)
    page = (tmp_path / "out" / "report.html").read_text()
    assert report["chosen"] in page
    assert page.count("data:image/png;base64,") == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("none.csv", "--label", "y", "--id", "id"), 1, "There is no file"),
        (("none.csv", "--label", "y"), 2, "--id"),
    ],
)
def test_wrong_call_is_explained(
    arguments: tuple[str, ...], code: int, message: str, tmp_path: Path, call: Call
) -> None:
    result = call("train-table", *arguments, "--out", str(tmp_path / "out"))
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,y\na,1\nb,2\n", "labels in y are 1, 2. Fix: Say which counts as yes"),
        (b"PK\x03\x04 workbook", "cannot be unpacked as zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 workbook", "Save the sheet as CSV"),
    ],
    ids=["1 and 2", "broken zip", "Excel"],
)
def test_mistake_in_a_file_is_one_line(
    data: bytes, message: str, tmp_path: Path, call: Call
) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    roles = ("--label", "y", "--id", "id", "--out", str(tmp_path / "out"))
    result = call("train-table", str(tmp_path / "t.csv"), *roles)
    assert result.returncode == 1
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
