"""How often the calibration gate passes a model whose probabilities are too high by some points.

Draws of labels for the rows of a test period, at several numbers of customers; a customer's labels
of four weeks are independent, or the same; those of a source with weekly as-of dates and a horizon
of months are nearly the same. Usage: `python benchmarks/calibration_gate.py [DRAWS]`.
"""

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from report import publish

from retention_assets.modeling.evaluation.baselines import EVERYBODY
from retention_assets.modeling.evaluation.leaderboard import BootstrapScores
from retention_assets.modeling.evaluation.metrics import Evaluation
from retention_assets.modeling.promotion.evidence import Latency, PromotionEvidence
from retention_assets.modeling.promotion.probability_gates import calibrated
from retention_assets.modeling.utility import ContactUtility
from retention_assets.settings import Settings

DRAWS = 200
CUSTOMERS = (1000, 3500, 10_000)
WEEKS = 4
BIASES = (0.0, 0.02, 0.05, 0.09)
BASE_RATE = 0.18
ROUNDS = 300
SEED = 5
BOUNDS = {"bias .02 passes": ">= .9", "bias .05 and .09 pass": "<= .05"}
UTILITY = ContactUtility(contact_cost=8.0, saved_margin=120.0, save_rate=0.25, capacity_share=0.2)


def is_passed(rng: np.random.Generator, customers: int, bias: float, *, alike: bool) -> bool:
    """Whether the gate passes one draw."""
    truth = rng.beta(2 * BASE_RATE, 2 * (1 - BASE_RATE), customers)
    labels = np.repeat(rng.random(customers) < truth, WEEKS)
    truth = np.repeat(truth, WEEKS)
    if not alike:
        labels = rng.random(len(truth)) < truth
    y = labels.astype(np.int8)
    entities = np.repeat(np.arange(customers), WEEKS).astype(str)
    scorers = {
        "model": Evaluation(y, np.clip(truth + bias, 0.001, 0.999), UTILITY),
        EVERYBODY.name: Evaluation(y, np.full(len(y), BASE_RATE), UTILITY, "random"),
    }
    evidence = PromotionEvidence(
        challenger="model",
        tries=1,
        scores=BootstrapScores.of(scorers, entities, ROUNDS, SEED),
        baselines=(EVERYBODY.name,),
        rankings=(),
        has_champion=False,
        slice_differences={},
        slice_mean_errors={},
        calibration_tolerance=Settings().calibration_tolerance,
        latency=Latency(1.0, 1.0),
        max_latency_ratio=50.0,
        digest="",
        has_signature=True,
    )
    return calibrated(evidence).passed


def shares(draws: int) -> Iterator[dict[str, Any]]:
    """Share of draws that pass, by number of customers, bias and likeness."""
    for customers in CUSTOMERS:
        for alike in (False, True):
            # Of these alone, so that a part of the table can be drawn again by itself.
            rng = np.random.default_rng([SEED, customers, int(alike)])
            for bias in BIASES:
                passed = [is_passed(rng, customers, bias, alike=alike) for _ in range(draws)]
                row = {
                    "customers": customers,
                    "rows": customers * WEEKS,
                    "labels_of_a_customer": "the same" if alike else "independent",
                    "bias": bias,
                    "passed": round(float(np.mean(passed)), 3),
                }
                print(row, file=sys.stderr, flush=True)
                yield row


def main() -> None:
    draws = int(sys.argv[1]) if len(sys.argv) > 1 else DRAWS
    notes = {"draws": draws, "base_rate": BASE_RATE, "bounds": BOUNDS}
    publish(__file__, list(shares(draws)), notes)


if __name__ == "__main__":
    main()
