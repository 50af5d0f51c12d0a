"""Lifetime value on real purchases: a holdout by deciles, the bias of sales, and 1 M customers.

CDNOW (its sample and all of it; weeks 1 to 39, then 40 to 78) and Online Retail (until the end of
June 2011, then until December 9). Beside it pymc-marketing's MAP estimate, if PEER_PYTHON is an
interpreter that has it. The target is 1 M customers, fitted and scored, in 60 s and 4 GiB. Usage:
`RETENTION_DATA_DIR=FOLDER python benchmarks/lifetime_value.py [PEER_PYTHON]`.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import publish

from retention_assets.settings import Settings
from retention_assets.value.lifetime.bg_nbd import BgNbd, fit_bg_nbd
from retention_assets.value.lifetime.gamma_gamma import (
    GammaGamma,
    fit_gamma_gamma,
    frequency_correlation,
)
from retention_assets.value.lifetime.purchases import PurchaseSummary, summarize_purchases

WEEK = 7.0
CUSTOMERS = 1_000_000
PEER_SECONDS = 120
PEER = """
import json, sys, time
import pandas as pd
from pymc_marketing.clv import BetaGeoModel, GammaGammaModel
data = pd.read_csv(sys.argv[1])
weeks = float(sys.argv[2])
started = time.perf_counter()
purchases = BetaGeoModel(data=data[["customer_id", "frequency", "recency", "T"]])
purchases.fit(method="map")
repeat = data[data.frequency > 0]
spend = GammaGammaModel(data=repeat[["customer_id", "frequency", "monetary_value"]])
spend.fit(method="map")
expected = purchases.expected_purchases(data, future_t=weeks).to_numpy().ravel()
mean = spend.expected_customer_spend(data).to_numpy().ravel()
seconds = time.perf_counter() - started
parameters = {
    name: float(model.fit_result[name].values.ravel()[0])
    for model, names in ((purchases, ("r", "alpha", "a", "b")), (spend, ("p", "q", "v")))
    for name in names
}
pd.DataFrame({"purchases": expected, "spend": mean}).to_csv(sys.argv[3], index=False)
print(json.dumps({"seconds": seconds, **parameters}))
"""
SCALE = """
import json, sys, time
import numpy as np
from retention_assets.value.lifetime.horizon import Horizon
from retention_assets.value.lifetime.model import fit_lifetime
from retention_assets.value.lifetime.purchases import PurchaseSummary
columns = np.load(sys.argv[1])
started = time.perf_counter()
everyone = PurchaseSummary(*columns, unit_days=1.0)
model = fit_lifetime(everyone, horizon=Horizon(0.1), margin_share=0.3)
fitted = time.perf_counter()
margin = 0.0
for start in range(0, len(everyone), 50_000):
    batch = PurchaseSummary(*columns[:, start : start + 50_000], unit_days=1.0)
    margin += float(model.value(batch).margin.sum())
ended = time.perf_counter()
print(json.dumps({
    "fit_s": round(fitted - started, 1), "score_s": round(ended - fitted, 1),
    "mean_margin": round(margin / len(everyone), 2),
    "parameters": [round(v, 3) for v in (
        model.purchases.r, model.purchases.alpha, model.purchases.a, model.purchases.b)],
}))
"""


def cdnow(folder: Path, name: str) -> pd.DataFrame:
    """Rows of a CDNOW file: customer, day, amount. Free CDs are left out of the master file, where
    a customer bought nothing else again; the published figures of the sample include them.
    """
    columns = ["customer", "day", "count", "amount"]
    if name == "sample":  # it names customers twice, and its columns not at all
        columns = ["customer_in_all", *columns]
    rows = pd.read_csv(
        folder / f"CDNOW_{name}.txt",
        sep=r"\s+",
        header=None if name == "sample" else 0,
        names=columns,
        dtype={"day": str},
    )
    rows = rows.assign(day=pd.to_datetime(rows["day"], format="%Y%m%d"))
    return rows if name == "sample" else rows.query("amount > 0")


def online_retail(folder: Path) -> pd.DataFrame:
    """Invoice lines with a customer, a positive quantity and a positive price."""
    columns = ["CustomerID", "InvoiceDate", "Quantity", "UnitPrice"]
    lines = pd.concat([pd.read_csv(file) for file in sorted(folder.glob("*.csv"))])
    rows = lines[columns].dropna().query("Quantity > 0 and UnitPrice > 0")
    return pd.DataFrame(
        {
            "customer": rows["CustomerID"].astype(int),
            "day": pd.to_datetime(rows["InvoiceDate"]).dt.normalize(),
            "amount": rows["Quantity"] * rows["UnitPrice"],
        }
    )


def actual_holdout(rows: pd.DataFrame, customers: Any, split: date, end: date) -> pd.DataFrame:
    """Days with a purchase, and amounts, of the customers after `split`."""
    late = rows[(rows.day > pd.Timestamp(split)) & (rows.day <= pd.Timestamp(end))]
    by_day = late.groupby(["customer", "day"]).amount.sum().reset_index()
    totals = by_day.groupby("customer").amount.agg(["size", "sum"])
    totals.columns = ["purchases", "amount"]
    return totals.reindex(customers, fill_value=0)


def holdout_row(
    name: str, model: str, predicted: pd.DataFrame, actual: pd.DataFrame
) -> tuple[dict[str, Any], list[dict[str, float]]]:
    """Bias of sales, and the table of deciles by predicted purchases, best first."""
    order = np.argsort(-predicted.purchases.to_numpy(), kind="stable")
    deciles = [
        {
            "decile": number + 1,
            "predicted": round(float(predicted.purchases.to_numpy()[rows].mean()), 3),
            "actual": round(float(actual.purchases.to_numpy()[rows].mean()), 3),
        }
        for number, rows in enumerate(np.array_split(order, 10))
    ]
    amount = (predicted.purchases * predicted.spend).sum()
    gaps = [abs(row["predicted"] - row["actual"]) for row in deciles]
    return {
        "data": name,
        "customers": len(actual),
        "model": model,
        "predicted": round(float(predicted.purchases.sum()), 1),
        "actual": int(actual.purchases.sum()),
        "purchases_bias": f"{predicted.purchases.sum() / actual.purchases.sum() - 1:+.1%}",
        "amount_bias": f"{amount / actual.amount.sum() - 1:+.1%}",
        "decile_error": round(float(np.mean(gaps)), 3),
    }, deciles


def cumulative_bias(
    model: BgNbd, summary: PurchaseSummary, later: PurchaseSummary
) -> dict[str, float]:
    """Of all repeat purchases since the first one, at the end of both periods."""
    result = {}
    for name, period in (("calibration", summary), ("both", later)):
        expected = model.expected_cumulative_purchases(period.T).sum()
        result[name] = round(float(expected / period.frequency.sum() - 1), 4)
    return result


def run_peer(
    python: str, customers: Any, summary: PurchaseSummary, weeks: float
) -> tuple[pd.DataFrame, dict[str, float]] | str:
    """Predictions and parameters of pymc-marketing, or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "summary.csv"
        target = Path(folder) / "predicted.csv"
        pd.DataFrame(
            {
                "customer_id": customers,
                "frequency": summary.frequency,
                "recency": summary.recency,
                "T": summary.T,
                "monetary_value": summary.monetary,
            }
        ).to_csv(source, index=False)
        command = [python, "-c", PEER, str(source), str(weeks), str(target)]
        try:
            result = subprocess.run(
                command, capture_output=True, text=True, timeout=PEER_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"not finished in {PEER_SECONDS} s"
        if result.returncode:
            return result.stderr.strip().splitlines()[-1]
        return pd.read_csv(target), json.loads(result.stdout.splitlines()[-1])


def run_holdout(
    name: str, rows: pd.DataFrame, *, split: date, end: date, peer: str | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A row per model, and what the table does not hold."""
    columns = (rows.customer.to_numpy(), rows.day.to_numpy(), rows.amount.to_numpy())
    customers, summary = summarize_purchases(*columns, end=split)
    in_calibration = rows[rows.customer.isin(customers)]
    later = summarize_purchases(
        in_calibration.customer.to_numpy(),
        in_calibration.day.to_numpy(),
        in_calibration.amount.to_numpy(),
        end=end,
    )[1]
    weeks = (end - split).days / WEEK
    actual = actual_holdout(rows, customers, split, end)
    started = time.perf_counter()
    model, fit = fit_bg_nbd(summary)
    spend, spend_fit = fit_gamma_gamma(summary)
    predicted = pd.DataFrame(
        {
            "purchases": model.expected_purchases(summary, weeks),
            "spend": spend.expected_spend(summary),
        }
    )
    seconds = time.perf_counter() - started
    row, deciles = holdout_row(name, "maximum likelihood", predicted, actual)
    results = [row | {"seconds": round(seconds, 2)}]
    details: dict[str, Any] = {
        "parameters": parameters_of(model, spend),
        "standard_errors": [round(float(v), 4) for v in fit.standard_errors()],
        "undetermined": [
            name
            for name, flat in zip(("r", "alpha", "a", "b"), fit.undetermined(), strict=True)
            if flat
        ],
        "log_likelihood": round(fit.log_likelihood, 1),
        "spend_log_likelihood": round(spend_fit.log_likelihood, 1),
        "frequency_spend_correlation": round(frequency_correlation(summary), 3),
        "cumulative_sales_bias": cumulative_bias(model, summary, later),
        "deciles": deciles,
    }
    if peer:
        answer = run_peer(peer, customers, summary, weeks)
        if isinstance(answer, str):
            details["pymc_marketing"] = answer
        else:
            row, details["pymc_marketing_deciles"] = holdout_row(
                name, "pymc-marketing MAP", answer[0].set_axis(actual.index), actual
            )
            results.append(row | {"seconds": round(answer[1].pop("seconds"), 2)})
            details["pymc_marketing_parameters"] = {
                key: round(value, 4) for key, value in answer[1].items()
            }
    return results, details


def parameters_of(model: BgNbd, spend: GammaGamma) -> dict[str, float]:
    values = {
        "r": model.r,
        "alpha": model.alpha,
        "a": model.a,
        "b": model.b,
        "p": spend.p,
        "q": spend.q,
        "gamma": spend.gamma,
    }
    return {name: round(value, 4) for name, value in values.items()}


def simulated_customers(count: int, seed: int) -> np.ndarray:
    """Frequency, recency, T (days) and monetary value of customers who follow both models."""
    rng = np.random.default_rng(seed)
    mean_gap = 1 / rng.gamma(0.8, 1 / 60, count)
    leaving = rng.beta(0.8, 4.0, count)
    spend_rate = rng.gamma(4.0, 1 / 30, count)
    T = rng.integers(30, 731, count).astype(np.float64)
    frequency = np.zeros(count)
    recency = np.zeros(count)
    now = np.zeros(count)
    active = np.arange(count)
    while len(active):
        now[active] += np.maximum(np.ceil(rng.exponential(mean_gap[active])), 1.0)
        active = active[now[active] <= T[active]]
        frequency[active] += 1
        recency[active] = now[active]
        active = active[rng.random(len(active)) > leaving[active]]
    monetary = rng.gamma(6.0 * frequency) / spend_rate / np.maximum(frequency, 1)
    return np.stack([frequency, recency, T, monetary])


def run_scale() -> dict[str, Any]:
    """Seconds and peak memory of fit and scores, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.npy"
        output = Path(folder) / "output.json"
        np.save(path, simulated_customers(CUSTOMERS, seed=1))
        started = time.perf_counter()
        with output.open("w") as stream:
            actions = [(os.POSIX_SPAWN_DUP2, stream.fileno(), 1)]
            command = [sys.executable, "-c", SCALE, str(path)]
            pid = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions)
            _, status, usage = os.wait4(pid, 0)
        if status:
            raise SystemExit(f"exit status {status} of the process that fits {CUSTOMERS:,}")
        seconds = time.perf_counter() - started
        return {
            "customers": CUSTOMERS,
            "seconds": round(seconds, 1),
            "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_gib": round(usage.ru_maxrss / 2**20, 2),
            **json.loads(output.read_text()),
            "simulated_parameters": [0.8, 60.0, 0.8, 4.0],
        }


def main(peer: str | None = None) -> None:
    data = Settings().data_dir
    if data is None:
        raise SystemExit("RETENTION_DATA_DIR names no folder. Fix: set it to where cdnow/ lies.")
    cdnow_periods = {"split": date(1997, 9, 30), "end": date(1998, 6, 30)}
    retail_periods = {"split": date(2011, 6, 30), "end": date(2011, 12, 9)}
    sources = (
        ("CDNOW sample", cdnow(data / "cdnow", "sample"), cdnow_periods),
        ("CDNOW", cdnow(data / "cdnow", "master"), cdnow_periods),
        ("Online Retail", online_retail(data / "online_retail" / "by-day"), retail_periods),
    )
    rows = []
    details = {}
    for name, purchases, periods in sources:
        results, details[name] = run_holdout(name, purchases, **periods, peer=peer)
        rows.extend(results)
    scale = run_scale()
    print(json.dumps(scale, indent=2))
    publish(
        __file__,
        rows,
        {
            "peer": "pymc-marketing MAP" if peer else "left out: no PEER_PYTHON",
            "details": details,
            "scale": scale,
            "target": {"seconds": 60, "gib": 4, "customers": CUSTOMERS},
        },
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
