"""The smallest FastAPI application with the same scorer, as a baseline for `POST /predict`.

`python benchmarks/bare_fastapi.py PORT MODEL_FOLDER DIGEST memory|redis REDIS_URL HOME` starts one
uvicorn process. It has no keys, limits, snapshots or metrics.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from redis import Redis as BlockingRedis
from redis.asyncio import Redis

from serve.features.codec import RedisKeys, decode
from serve.model.bundle import load_bundle


class Customer(BaseModel):
    customer_id: str


def application(folder: Path, digest: str, *, source: str, redis_url: str, home: str) -> FastAPI:
    """Features are read from Redis per request, or (`memory`) all of them once at the start."""
    app = FastAPI()
    scorer = load_bundle(folder, digest)
    keys = RedisKeys(home)
    redis = Redis.from_url(redis_url)
    vectors: dict[Any, Any] = {}
    if source == "memory":
        store = BlockingRedis.from_url(redis_url)
        vectors = dict(store.hscan_iter(keys.current))

    @app.post("/predict")
    async def predict(customer: Customer) -> dict[str, Any]:
        field = customer.customer_id.encode()
        blob: Any = vectors[field] if vectors else await redis.hget(keys.current, field)
        vector = decode(blob, scorer.fingerprint, len(scorer.features))
        assert vector is not None
        score = scorer.score(vector.values)
        return {
            "customer_id": customer.customer_id,
            "churn_probability": score.probability,
            "risk_level": score.risk_level,
            "reasons": [vars(reason) for reason in score.reasons],
            "recommended_actions": score.actions,
        }

    return app


if __name__ == "__main__":
    port, folder, digest, source, redis_url, home = sys.argv[1:]
    uvicorn.run(
        application(Path(folder), digest, source=source, redis_url=redis_url, home=home),
        host="127.0.0.1",
        port=int(port),
        log_level="warning",
    )
