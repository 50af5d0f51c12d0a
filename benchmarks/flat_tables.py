"""`retention train-table` on random fifths of IBM Telco, beside plain models on the same rows.

Each fifth in turn is the file of `--test`, so that every customer is tested once; the rest is
trained on. The plain models read numbers and 0/1 columns; one of them reads words as XGBoost itself
encodes them, and unknown numbers as unknown. Also what 10,000 rows cost, as a multiple of one plain
XGBoost fit. Usage: `RETENTION_DATA_DIR=FOLDER python benchmarks/flat_tables.py [SEED ...]`.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import publish
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from retention_assets.settings import Settings
from retention_assets.tabular.table import Roles, read_flat_table
from retention_assets.tabular.task import table_task
from retention_assets.tabular.training import TableResult, train_on_table

FIFTHS = 5
SEEDS = (20240101, 20240102, 20240103)
BOUNDS = {"accuracy": 0.8064, "auc": 0.848}
FIGURES = ("accuracy", "auc", "log_loss")
TIMED_ROWS = 10_000
PARTS = ("customer-service.csv", "billing.csv", "products.csv")
ROLES = Roles(label="Churn", identifier="customerID")
NUMBERS = ["tenure", "MonthlyCharges", "TotalCharges"]


def telco() -> pd.DataFrame:
    """The three tables, a row per customer, joined; every cell as text. Ends without the data."""
    folder = Settings().data_dir
    if folder is None or not (folder / "telco").is_dir():
        print("Not measured: RETENTION_DATA_DIR names no folder with telco/billing.csv and others.")
        sys.exit(0)
    tables = [pd.read_csv(folder / "telco" / name, dtype=str) for name in PARTS]
    return reduce(lambda left, right: left.merge(right, on="customerID"), tables)


def train_table(train: pd.DataFrame, test: pd.DataFrame) -> TableResult:
    """As the command does it, from two files."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.csv" for name in ("train", "test")}
        train.to_csv(files["train"], index=False)
        test.to_csv(files["test"], index=False)
        first = read_flat_table(files["train"], ROLES)
        second = read_flat_table(files["test"], ROLES, first=first)
        task = table_task(Settings(), first.name)
        return train_on_table(first, second, task, Path(folder) / "model", lambda *_: None)


def numbers_and_words(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The columns of numbers, unknown where a cell is none, and the columns of words."""
    words = rows.drop(columns=["customerID", "Churn", *NUMBERS])
    numbers = {name: pd.to_numeric(rows[name], errors="coerce") for name in NUMBERS}
    return pd.DataFrame(numbers), words


def plain_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, and a 0/1 column for each word: what most people would try first."""
    numbers, words = numbers_and_words(rows)
    return pd.concat([numbers.fillna(0), pd.get_dummies(words)], axis=1).astype(float)


def native_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers with unknown ones, and words as categories, which XGBoost splits into groups."""
    numbers, words = numbers_and_words(rows)
    return pd.concat([numbers, words.astype("category")], axis=1)


# Name -> its features of all rows, and an estimator.
PLAIN: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], Callable[[], Any]]] = {
    "plain XGBoost": (plain_features, XGBClassifier),
    "XGBoost, native categories": (
        native_features,
        lambda: XGBClassifier(enable_categorical=True),
    ),
    "plain logistic regression": (
        plain_features,
        lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    ),
}


def figures(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
    return {
        "accuracy": float(((p >= 0.5) == (y > 0)).mean()),
        "auc": float(roc_auc_score(y, p)),
        "log_loss": float(log_loss(y, p)),
    }


def split_figures(table: pd.DataFrame, fifth: np.ndarray, number: int) -> Iterator[dict[str, Any]]:
    """A row for each scorer of this fifth of the rows. `fifth`: the one that each row is in."""
    rows = {"test": np.flatnonzero(fifth == number), "train": np.flatnonzero(fifth != number)}
    result = train_table(table.iloc[rows["train"]], table.iloc[rows["test"]])
    chosen = result.comparison.challenger
    y = result.comparison.test.y
    yield {
        "fifth": number,
        "scorer": "train-table",
        "chosen": chosen,
        **figures(y, result.scored[1]),
    }
    labels = (table["Churn"] == "Yes").to_numpy()
    for name, (features, make) in PLAIN.items():
        X = features(table)
        model = make().fit(X.iloc[rows["train"]], labels[rows["train"]])
        p = model.predict_proba(X.iloc[rows["test"]])[:, 1]
        yield {"fifth": number, "scorer": name, "chosen": "", **figures(labels[rows["test"]], p)}


def means(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean of each figure over the fifths, by scorer."""
    names = list(dict.fromkeys(row["scorer"] for row in rows))
    return [
        {"seed": "all", "fifth": "mean", "scorer": name, "chosen": ""}
        | {
            figure: float(np.mean([row[figure] for row in rows if row["scorer"] == name]))
            for figure in FIGURES
        }
        for name in names
    ]


def cost(table: pd.DataFrame) -> dict[str, float]:
    """Seconds of train-table for 10,000 rows, a fifth of them tested, and of one plain fit."""
    drawn = table.sample(TIMED_ROWS, replace=True, random_state=0)
    drawn["customerID"] = [f"c{number}" for number in range(TIMED_ROWS)]
    test = drawn.iloc[: TIMED_ROWS // FIFTHS]
    train = drawn.iloc[len(test) :]
    X = plain_features(train).to_numpy()
    labels = train["Churn"] == "Yes"
    whole_cpu, whole = timed(lambda: train_table(train, test))
    plain_cpu, plain = timed(lambda: XGBClassifier().fit(X, labels))
    return {
        "cpu_seconds": whole_cpu,
        "wall_seconds": whole,
        "plain_xgboost_cpu_seconds": plain_cpu,
        "plain_xgboost_wall_seconds": plain,
        "cpu_ratio": whole_cpu / plain_cpu,
        "wall_ratio": whole / plain,
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of all threads, and seconds on the clock."""
    cpu = time.process_time()
    wall = time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def main(seeds: list[int]) -> None:
    table = telco()
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        fifth = np.random.default_rng(seed).permutation(np.arange(len(table)) % FIFTHS)
        for number in range(FIFTHS):
            scored = [{"seed": seed, **row} for row in split_figures(table, fifth, number)]
            print(scored[0], file=sys.stderr, flush=True)
            rows += scored
    seconds = {name: round(value, 2) for name, value in cost(table).items()}
    print(seconds, file=sys.stderr, flush=True)
    rows = [row | {name: round(row[name], 4) for name in FIGURES} for row in [*rows, *means(rows)]]
    publish(__file__, rows, {"bounds": BOUNDS, "timed_rows": TIMED_ROWS, "seconds": seconds})


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [*SEEDS])
