"""Boosted trees, saved as UBJSON. Splits have a branch for unknown values: nothing is filled."""

from collections.abc import Mapping
from typing import Any

from retention_assets.modeling.candidates.rows import THREADS, FitRows, Fitted

NOT_OF_TREES = ("rounds", "patience")


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Adds trees until the log loss of the `stop` rows has not improved for `patience` rounds."""
    import xgboost

    fitting, stopping = (
        xgboost.DMatrix(rows.X[mask], rows.y[mask], weight=rows.w[mask], nthread=THREADS)
        for mask in (~rows.stop, rows.stop)
    )
    options = {name: params[name] for name in params if name not in NOT_OF_TREES} | {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "nthread": THREADS,
        "seed": seed,
        "verbosity": 0,
    }
    booster = xgboost.train(
        options,
        fitting,
        params["rounds"],
        evals=[(stopping, "stop")],
        early_stopping_rounds=params["patience"],
        verbose_eval=False,
    )
    trees = booster.best_iteration + 1
    return Fitted(
        bytes(booster[:trees].save_raw("ubj")),
        None,
        {"trees": trees, "stop_log_loss": booster.best_score},
    )
