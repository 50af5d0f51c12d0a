"""Latency of POST /predict at 1 and 8 connections beside a bare FastAPI application with the same model, in one run.

Rounds take turns among the applications, so that what else the machine does hits all alike; the figure is the ratio.
The client shares the cores with what it measures, the same for all.
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
from report import publish

from retention_assets.features.availability import model_features
from retention_assets.modeling.candidates.declared import candidate
from retention_assets.modeling.evaluation.candidate_evaluation import churn_trial
from retention_assets.modeling.examples import Examples
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.online import OnlineStore
from retention_assets.services import catalog as services
from retention_assets.services.api_keys import api_keys
from retention_assets.services.probes import answers_tcp
from retention_assets.settings import Settings
from retention_assets.sources.load_profile import load_profile

CUSTOMERS, ROUNDS, SECONDS = 1000, 5, 3.0
NAMES = (
    "serve_port",
    "webserver_port",
    "mlflow_port",
    "ray_port",
    "haproxy_stats_port",
    "haproxy_metrics_port",
)
PORTS: dict[str, Any] = {
    "serve_inner_port": 18700,
    **{name: 18600 + at for at, name in enumerate(NAMES)},
}
BARE = {
    "bare FastAPI, features in memory": ("memory", 18610),
    "bare FastAPI, features in Redis": ("redis", 18611),
}


@dataclass(frozen=True)
class Target:
    name: str
    port: int
    key: str


def trained(settings: Settings, folder: Path) -> tuple[str, list[str], np.ndarray]:
    """A boosted model of the embedded source's features on made-up rows: digest, feature names, and vectors to publish."""
    profile = load_profile(settings)
    names, rng, weeks = model_features(profile.tables), np.random.default_rng(1), 40
    who = np.tile([f"C{number:07d}" for number in range(CUSTOMERS)], weeks)
    when = np.repeat(np.datetime64("2024-02-05") + 7 * np.arange(weeks), CUSTOMERS).astype(
        "datetime64[D]"
    )
    X = rng.normal(size=(len(who), len(names)))
    y = (rng.random(len(who)) < 1 / (1 + np.exp(1.5 - X[:, 0] - X[:, 1] * X[:, 2]))).astype(np.int8)
    trial = churn_trial(
        candidate("xgboost"), Examples(tuple(names), who, when, X, y), folder, settings, profile
    )
    return trial.digest, names, X[:CUSTOMERS]


@contextmanager
def bare_applications(folder: Path, digest: str, redis_url: str) -> Iterator[None]:
    script = Path(__file__).with_name("bare_fastapi.py")
    started = []
    try:
        for source, port in BARE.values():
            started.append(
                subprocess.Popen(
                    [sys.executable, str(script), str(port), str(folder), digest, source, redis_url]
                )
            )
        while not all(answers_tcp(f"127.0.0.1:{port}") for _, port in BARE.values()):
            time.sleep(0.1)
        yield
    finally:
        for process in started:
            process.terminate()
            process.wait()


async def ask(target: Target, connections: int, seconds: float) -> list[float]:
    """Milliseconds of each answer over so many connections that are kept open and always busy."""
    end, took = time.perf_counter() + seconds, []

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
        at = number
        while time.perf_counter() < end:
            body = json.dumps({"customer_id": f"C{at % CUSTOMERS:07d}"})
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {target.key}\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            began = time.perf_counter()
            writer.write(f"{head}{body}".encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b" 200 " in answer.split(b"\r\n")[0], answer
            length = next(
                line for line in answer.split(b"\r\n") if line.startswith(b"content-length")
            )
            await reader.readexactly(int(length.split(b":")[1]))
            took.append((time.perf_counter() - began) * 1000)
            at += connections
        writer.close()

    await asyncio.gather(*(one(number) for number in range(connections)))
    return took


def measure(targets: list[Target]) -> list[dict[str, Any]]:
    took: dict[tuple[str, int], list[float]] = {
        (target.name, count): [] for target in targets for count in (1, 8)
    }
    for target in targets:
        asyncio.run(ask(target, 8, 2.0))  # warm
    for _ in range(ROUNDS):
        for target in targets:
            for count in (1, 8):
                took[target.name, count] += asyncio.run(ask(target, count, SECONDS))
    base = {count: np.percentile(took[targets[-1].name, count], [50, 99]) for count in (1, 8)}
    return [_row(name, count, np.array(each), base[count]) for (name, count), each in took.items()]


def _row(name: str, connections: int, took: np.ndarray, base: np.ndarray) -> dict[str, Any]:
    p50, p99 = np.percentile(took, [50, 99])
    return {
        "application": name,
        "connections": connections,
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
        "answers_per_s": round(len(took) / (ROUNDS * SECONDS)),
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
        digest, names, vectors = trained(settings, folder)
        try:
            services.up(settings)
            ids = [f"C{number:07d}" for number in range(CUSTOMERS)]
            OnlineStore.of(settings).publish("benchmark", names, date(2024, 12, 2), ids, vectors)
            Deployer.of(settings).deploy(folder, digest, "1")
            with bare_applications(folder, digest, services.redis_url(settings)):
                key = api_keys(settings)[0]
                targets = [Target("Ray Serve behind HAProxy", settings.serve_port, key)]
                targets += [Target(name, port, key) for name, (_, port) in BARE.items()]
                rows = measure(targets)
        finally:
            services.down(settings)
    publish(__file__, rows, {"rounds": ROUNDS, "seconds_each": SECONDS, "ratio_to": list(BARE)[-1]})


if __name__ == "__main__":
    main()
