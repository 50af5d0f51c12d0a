"""Latency of `POST /predict` at 1 and 8 connections, beside a bare FastAPI application.

All applications serve the same model and take turns in each round, so that other load on the
machine affects all of them alike; the result is the ratio. The client shares the cores with them.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import xgboost
from report import publish

from retention_assets.features.availability import model_features
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.online import OnlineStore
from retention_assets.services import catalog
from retention_assets.services.api_keys import api_keys
from retention_assets.services.probes import answers_tcp
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile
from serve.model.bundle import digest_of
from serve.model.card import CARD_FILE, CARD_FORMAT, MODEL_FILES, Card, fingerprint_of
from serve.segments import SEGMENT_NAMES
from serve.states import ACTIVE

CUSTOMERS = 1000
TRAINING_ROWS = 40_000
TREES = 150
ROUNDS = 5
SECONDS_PER_ROUND = 3.0
WARM_UP_SECONDS = 2.0
CONNECTIONS = (1, 8)
PORTS: dict[str, Any] = {
    "serve_port": 18600,
    "webserver_port": 18601,
    "mlflow_port": 18602,
    "ray_port": 18603,
    "haproxy_stats_port": 18604,
    "haproxy_metrics_port": 18605,
    "serve_inner_port": 18700,
}
BARE_APPLICATIONS = {
    "bare FastAPI, features in memory": ("memory", 18610),
    "bare FastAPI, features in Redis": ("redis", 18611),
}
RATIO_TO = "bare FastAPI, features in Redis"


@dataclass(frozen=True)
class Target:
    """An application to measure."""

    name: str
    port: int
    key: str


def write_model(folder: Path, names: list[str]) -> tuple[str, np.ndarray]:
    """Writes boosted trees on random features. Returns the digest and vectors to publish."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(TRAINING_ROWS, len(names)))
    log_odds = X[:, 0] + X[:, 1] * X[:, 2] - 1.5
    y = (rng.random(TRAINING_ROWS) < 1 / (1 + np.exp(-log_odds))).astype(np.int8)
    model = xgboost.XGBClassifier(n_estimators=TREES, max_depth=5, learning_rate=0.05).fit(X, y)
    folder.mkdir(parents=True)
    model.get_booster().save_model(folder / MODEL_FILES["xgboost"])
    card = Card.model_validate(
        {
            "format": CARD_FORMAT,
            "task": "churn",
            "candidate": "xgboost",
            "kind": "xgboost",
            "model_file": MODEL_FILES["xgboost"],
            "features": names,
            "fingerprint": fingerprint_of(names),
            "calibration": {"kind": "platt", "a": 1.0, "b": 0.0},
            "threshold": 0.5,
            "risk_levels": {"MEDIUM": 0.4, "HIGH": 0.6, "CRITICAL": 0.8},
            "reference": {
                "median": np.median(X, axis=0).tolist(),
                "low": np.percentile(X, 0.5, axis=0).tolist(),
                "high": np.percentile(X, 99.5, axis=0).tolist(),
            },
            "confidence": {"edges": [0.0, 1.0], "half_width": [0.05]},
        }
    )
    (folder / CARD_FILE).write_text(card.model_dump_json())
    return digest_of(folder), X[:CUSTOMERS]


@contextmanager
def bare_applications(folder: Path, digest: str, redis_url: str, home: str) -> Iterator[None]:
    """Runs the bare applications as long as the context lasts."""
    script = Path(__file__).with_name("bare_fastapi.py")
    processes = []
    try:
        for source, port in BARE_APPLICATIONS.values():
            command = [sys.executable, str(script), str(port), str(folder), digest, source]
            processes.append(subprocess.Popen([*command, redis_url, home]))
        while not all(answers_tcp(f"127.0.0.1:{port}") for _, port in BARE_APPLICATIONS.values()):
            time.sleep(0.1)
        yield
    finally:
        for process in processes:
            process.terminate()
            process.wait()


async def send_requests(target: Target, connections: int, seconds: float) -> list[float]:
    """Milliseconds of each answer, over connections that stay open and always have a request."""
    deadline = time.perf_counter() + seconds
    latencies: list[float] = []

    async def use_connection(first_customer: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        customer = first_customer
        while time.perf_counter() < deadline:
            request = request_bytes(target, f"C{customer % CUSTOMERS:07d}")
            started = time.perf_counter()
            writer.write(request)
            headers = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
            assert b" 200 " in headers[0], headers
            length = next(line for line in headers if line.startswith(b"content-length"))
            await reader.readexactly(int(length.split(b":")[1]))
            latencies.append((time.perf_counter() - started) * 1000)
            customer += connections
        writer.close()

    await asyncio.gather(*(use_connection(number) for number in range(connections)))
    return latencies


def request_bytes(target: Target, customer_id: str) -> bytes:
    body = json.dumps({"customer_id": customer_id})
    lines = [
        "POST /predict HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {target.key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


def measure(targets: list[Target]) -> list[dict[str, Any]]:
    """A row of results per application and number of connections."""
    latencies: dict[tuple[str, int], list[float]] = {
        (target.name, count): [] for target in targets for count in CONNECTIONS
    }
    for target in targets:
        asyncio.run(send_requests(target, max(CONNECTIONS), WARM_UP_SECONDS))
    for _ in range(ROUNDS):
        for target in targets:
            for count in CONNECTIONS:
                answers = asyncio.run(send_requests(target, count, SECONDS_PER_ROUND))
                latencies[target.name, count] += answers
    base = {count: np.percentile(latencies[RATIO_TO, count], [50, 99]) for count in CONNECTIONS}
    return [
        result_row(name, count, latencies=np.array(values), base=base[count])
        for (name, count), values in latencies.items()
    ]


def result_row(
    name: str, connections: int, *, latencies: np.ndarray, base: np.ndarray
) -> dict[str, Any]:
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "application": name,
        "connections": connections,
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "answers_per_s": round(len(latencies) / (ROUNDS * SECONDS_PER_ROUND)),
        "p50_ratio": round(float(p50 / base[0]), 2),
        "p99_ratio": round(float(p99 / base[1]), 2),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(
            home=Path(home),
            source="simulated",
            clock_enabled=False,
            rate_limit_per_s=1_000_000,
            **PORTS,
        )
        folder = settings.home / "model"
        names = model_features(load_profile(settings).tables)
        digest, vectors = write_model(folder, names)
        ids = [f"C{number:07d}" for number in range(CUSTOMERS)]
        as_of = date(2024, 12, 2)
        try:
            catalog.up(settings)
            store = OnlineStore.of(settings)
            store.publish(
                "benchmark",
                names,
                as_of,
                ids=ids,
                states=[ACTIVE] * len(ids),
                segments=[SEGMENT_NAMES[0]] * len(ids),
                matrix=vectors,
            )
            Deployer.of(settings).deploy(folder, digest, "1")
            redis_url = catalog.redis_url(settings)
            with bare_applications(folder, digest, redis_url, settings.shared_name):
                key = api_keys(settings)[0]
                targets = [Target("Ray Serve behind HAProxy", settings.serve_port, key)]
                targets += [
                    Target(name, port, key) for name, (_, port) in BARE_APPLICATIONS.items()
                ]
                rows = measure(targets)
        finally:
            catalog.down(settings)
    notes = {"rounds": ROUNDS, "seconds_each": SECONDS_PER_ROUND, "ratio_to": RATIO_TO}
    publish(__file__, rows, notes)


if __name__ == "__main__":
    main()
