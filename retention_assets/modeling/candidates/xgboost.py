"""Boosted trees, saved as UBJSON. Splits have a branch for unknown values: nothing is filled."""

from collections.abc import Mapping
from typing import Any

from retention_assets.modeling.candidates.rows import THREADS, FitRows, Fitted

NOT_OF_TREES = ("rounds", "patience", "refit")


def fit(rows: FitRows, params: Mapping[str, Any], seed: int) -> Fitted:
    """Adds trees until the log loss of the `stop` rows has not improved for `patience` rounds.

    `refit`: the same number of trees is then fitted again on all rows. On a few thousand rows, a
    tenth more of them is worth more than the seconds.
    """
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
    notes = {"trees": trees, "stop_log_loss": booster.best_score}
    if params.get("refit"):
        everything = xgboost.DMatrix(rows.X, rows.y, weight=rows.w, nthread=THREADS)
        booster = xgboost.train(options, everything, trees, verbose_eval=False)
    return Fitted(bytes(booster[:trees].save_raw("ubj")), None, notes)
