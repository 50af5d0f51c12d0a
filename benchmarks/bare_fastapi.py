"""What /predict is measured against: the same scorer in the smallest FastAPI application, one uvicorn process.

`python benchmarks/bare_fastapi.py PORT MODEL_FOLDER DIGEST memory|redis REDIS_URL`. No key, no limits, no fallback, no metrics.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from serve.model.bundle import load_bundle
from serve.features.codec import KEY_PREFIX, decode


class Question(BaseModel):
    customer_id: str


def application(folder: Path, digest: str, source: str, redis_url: str) -> FastAPI:
    """The features come from memory, read once at the start, or from Redis at each question."""
    app, scorer, redis = FastAPI(), load_bundle(folder, digest), Redis.from_url(redis_url)
    held: dict[Any, Any] = {}
    if source == "memory":
        store = BlockingRedis.from_url(redis_url)
        held = {key: store.get(key) for key in store.scan_iter(match=f"{KEY_PREFIX}C*")}

    @app.post("/predict")
    async def predict(question: Question) -> dict[str, Any]:
        key = f"{KEY_PREFIX}{question.customer_id}".encode()
        blob: Any = held[key] if held else await redis.get(key)
        vector = decode(blob, scorer.fingerprint, len(scorer.features))
        assert vector is not None
        score = scorer.score(vector.values)
        return {
            "customer_id": question.customer_id,
            "churn_probability": score.probability,
            "risk_level": score.risk_level,
            "reasons": [vars(reason) for reason in score.reasons],
            "recommended_actions": score.actions,
        }

    return app


if __name__ == "__main__":
    port, folder, digest, source, redis_url = sys.argv[1:]
    uvicorn.run(
        application(Path(folder), digest, source, redis_url),
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
    )
