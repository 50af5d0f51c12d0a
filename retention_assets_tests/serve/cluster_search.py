"""Searches on the Ray cluster at the given address and in this process; prints both as JSON. The
folder of the journals comes on standard input.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from retention_assets.errors import NotTrainableError
from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.pipeline import evaluate_fold
from retention_assets.modeling.search import Evaluate, search
from retention_assets.modeling.splits import forward_split
from retention_assets.modeling.task import SearchBudget
from retention_assets.services.ray_tasks import on_cluster
from retention_assets_tests.modeling.factories import churn, examples

DATA = examples(customers=200, weeks=20)
SPLIT = forward_split(DATA, test_periods=3, folds=2, purge_days=35)
TASK = replace(churn(), search=SearchBudget(trials=3, seconds=300, rows=100_000))
LOGISTIC = candidate("logistic_regression")


def main(address: str, folder: Path) -> dict[str, object]:
    def losses(evaluate: Evaluate, name: str) -> list[float]:
        journal = folder / f"{name}.log"
        result = search(LOGISTIC, DATA, SPLIT.folds, TASK, journal=journal, evaluate=evaluate)
        return [trial.log_loss for trial in result.trials]

    on_ray = on_cluster(evaluate_fold, address)
    answer: dict[str, object] = {
        "there": losses(on_ray, "there"),
        "here": losses(evaluate_fold, "here"),
    }
    try:
        on_ray(replace(LOGISTIC, params={"C": -1.0}), DATA, SPLIT.folds[0], TASK)
    except NotTrainableError as error:
        answer["error"] = str(error)
    return answer


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.stdin.read()))))
