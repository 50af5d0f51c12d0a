"""Who becomes inactive on Online Retail, at four as-of dates: the product beside plain models.

The graph is filled up to the examples once. For each date, the product trains on the weeks whose
labels had closed by then (searched, chosen and calibrated on those rows alone), and scores the
customers who are active or have returned on the date. Plain XGBoost and a logistic regression learn
from the same rows and features. The dates are the last four Mondays whose labels are final. Usage:
`RETENTION_DATA_DIR=FOLDER python benchmarks/online_retail.py`.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from churn_training import filled_examples, trained_challenger
from report import publish
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.examples import Examples, Floats
from retention_assets.modeling.splits import TrainTestSplit, purged_before
from retention_assets.modeling.task import Task
from retention_assets.platform import Platform
from retention_assets.settings import Settings
from retention_assets.training.task import churn_split, churn_task

DATES = ("2011-08-01", "2011-08-08", "2011-08-15", "2011-08-22")
FIGURES = ("auc", "average_precision", "brier", "log_loss")
PRODUCT = "product"
BOUND = "auc of the product at least that of plain XGBoost - .01, mean of the dates"
PLAIN: dict[str, Callable[[], Any]] = {
    "plain XGBoost": XGBClassifier,
    "plain logistic regression": lambda: make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}


def require_invoices() -> None:
    """Ends without the data."""
    folder = Settings().data_dir
    if folder is None or not (folder / "online_retail").is_dir():
        print("Not measured: RETENTION_DATA_DIR names no folder with online_retail/by-day.")
        sys.exit(0)


def as_of_split(data: Examples, date: str, task: Task) -> tuple[Examples, TrainTestSplit, Task]:
    """The rows that count at this date, which are those of the date and those that had closed by
    then; the date's rows as the test of the product's own split; and the task of that test.
    """
    day = np.datetime64(date)
    rows = data.take((data.as_of == day) | purged_before(data, day, task.purge_days))
    of_date = replace(task, test_periods=1)
    return rows, churn_split(rows, of_date), of_date


def scores(data: Examples, split: TrainTestSplit, task: Task) -> Iterator[tuple[str, str, Floats]]:
    """Scorer, what it chose, and its probabilities for the test rows."""
    challenger = trained_challenger(data, split, task)
    yield PRODUCT, challenger.recipe.name, challenger.p
    train = data.take(split.train)
    test = data.take(split.test)
    for name, make in PLAIN.items():
        model = make().fit(train.X, train.y)
        yield name, "", model.predict_proba(test.X)[:, 1].astype(np.float64)


def measure(data: Examples, date: str, task: Task) -> Iterator[dict[str, Any]]:
    """A row for each scorer of this date."""
    rows, split, of_date = as_of_split(data, date, task)
    test = rows.take(split.test)
    for name, chosen, p in scores(rows, split, of_date):
        point = Evaluation.of(test, p, task.utility).point()
        yield {
            "as_of": date,
            "scorer": name,
            "chosen": chosen,
            "train_rows": int(split.train.sum()),
            "rows": len(test),
            "base_rate": round(point["base_rate"], 4),
            **{figure: round(point[figure], 4) for figure in FIGURES},
        }


def means(rows: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The mean of each figure over the dates, by scorer."""
    for name in (PRODUCT, *PLAIN):
        of_name = [row for row in rows if row["scorer"] == name]
        yield {
            "as_of": "mean",
            "scorer": name,
            "chosen": "",
            "train_rows": "",
            "rows": sum(row["rows"] for row in of_name),
            **{
                figure: round(float(np.mean([row[figure] for row in of_name])), 4)
                for figure in ("base_rate", *FIGURES)
            },
        }


def main() -> None:
    require_invoices()
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform.of(Settings(home=Path(folder), source="online_retail"))
        data = filled_examples(platform)
    task = churn_task(platform.settings, platform.profile)
    rows: list[dict[str, Any]] = []
    for date in DATES:
        for row in measure(data, date, task):
            print(row, file=sys.stderr, flush=True)
            rows.append(row)
    notes = {"source": "Online Retail", "customers": "active or returned", "bound": BOUND}
    publish(__file__, [*rows, *means(rows)], notes)


if __name__ == "__main__":
    main()
