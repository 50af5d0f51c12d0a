"""The service without HTTP: one model per answer, valid answers, and errors without details."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_assets_tests.serve.applications import choice_of
from retention_assets_tests.serve.bundles import AS_OF, FEATURES, HOME
from serve.errors import BundleError, UnavailableError, UnknownCustomerError, UnknownFeatureError
from serve.features.codec import Vector
from serve.features.store import FetchedVectors, VectorReader
from serve.metrics import Metrics
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer
from serve.schemas import BatchPrediction, Prediction, WhatIfPrediction
from serve.segments import SEGMENT_NAMES
from serve.service import ModelChoice, PredictionService
from serve.states import ACTIVE, PUBLISHED

VALUE = st.floats(allow_nan=True, allow_infinity=False)
ROW = [40.0, 0.3, 1.0]


class MemoryStore(VectorReader):
    """Vectors in memory, all of one state and segment. `during_fetch` runs while it is read."""

    def __init__(
        self,
        rows: Mapping[str, list[float]],
        state: str = ACTIVE,
        segment: str | None = None,
    ) -> None:
        super().__init__("unix:///nowhere/s", HOME, timeout_s=0.1, snapshots=None)
        self.rows = rows
        self.state = state
        self.segment = segment
        self.during_fetch: Callable[[], Awaitable[None]] | None = None

    async def fetch(
        self, customer_ids: list[str], fingerprint: str, features: int
    ) -> FetchedVectors:
        if self.during_fetch:
            await self.during_fetch()
        rows = [self.rows.get(name) for name in customer_ids]
        return FetchedVectors(
            [
                None
                if row is None
                else Vector(fingerprint, AS_OF, self.state, np.array(row), self.segment)
                for row in rows
            ],
            degraded=False,
        )


def service_of(
    store: VectorReader, choice: ModelChoice, load: Callable[[Path, str], Scorer] = load_bundle
) -> PredictionService:
    service = PredictionService(store, Metrics(), load=load)
    asyncio.run(service.switch_model(choice))
    return service


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    return choice_of(tmp_path_factory.mktemp("models") / "m")


def test_answer_comes_from_the_model_it_started_with(choice: ModelChoice, tmp_path: Path) -> None:
    store = MemoryStore({"a": ROW})
    service = service_of(store, choice)
    other = choice_of(tmp_path / "m", "2", intercept=5.0)
    alone = asyncio.run(service.predict("a", "r"))
    store.during_fetch = lambda: service.switch_model(other)
    during = asyncio.run(service.predict("a", "r"))
    after = asyncio.run(service.predict("a", "r"))
    assert during == alone
    assert (after.model_version, after.model_digest) == ("2", other.digest)
    assert after.churn_probability and during.churn_probability
    assert after.churn_probability > during.churn_probability


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BundleError("The model's card is not JSON."), "The model's card is not JSON."),
        (OSError("/home/ada/model.json: disk on fire"), "The model could not be loaded."),
        (MemoryError("at 0x7f"), "The model could not be loaded."),
    ],
)
def test_load_error_is_reported_without_internal_details(
    choice: ModelChoice, error: Exception, reason: str
) -> None:
    def fail(folder: Path, digest: str) -> Scorer:
        raise error

    service = service_of(MemoryStore({}), choice, fail)
    with pytest.raises(UnavailableError) as error_info:
        service.model_info()
    message = f"No model is deployed. The last model was refused: {reason}"
    assert str(error_info.value) == message
    assert "retention_model{" not in service.metrics.render().decode()


def test_loaded_model_clears_the_refused_one(choice: ModelChoice) -> None:
    service = service_of(MemoryStore({}), choice)
    asyncio.run(
        service.switch_model(choice.model_copy(update={"digest": "0" * 64, "model_version": "2"}))
    )
    refused = service.model_info().refused
    assert refused and (refused.model_version, refused.model_digest) == ("2", "0" * 64)
    asyncio.run(service.switch_model(choice.model_copy(update={"model_version": "3"})))
    assert (service.model_info().refused, service.model_info().model_version) == (None, "3")
    assert (
        f'retention_model{{digest="{choice.digest}",version="3"}} 1.0'
        in service.metrics.render().decode()
    )


def test_model_info_omits_the_training_settings(tmp_path: Path) -> None:
    choice = choice_of(
        tmp_path / "m",
        settings={"secret": 1},
        data_versions={"raw": 3},
        trained_as_of=["2024-01-01"],
    )
    info = service_of(MemoryStore({}), choice).model_info()
    assert info.trained_as_of == ["2024-01-01"]
    assert {"settings", "data_versions", "model_file", "preprocess"}.isdisjoint(info.model_dump())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    row=st.lists(VALUE, min_size=3, max_size=3),
    overrides=st.dictionaries(st.sampled_from(FEATURES), VALUE | st.none()),
    state=st.sampled_from(PUBLISHED),
    segment=st.none() | st.sampled_from(SEGMENT_NAMES),
)
def test_every_answer_is_valid_for_any_numbers(
    choice: ModelChoice,
    row: list[float],
    overrides: dict[str, float | None],
    state: str,
    segment: str | None,
) -> None:
    """Answers are built without validation, for speed."""

    async def ask(service: PredictionService) -> None:
        Prediction.model_validate((await service.predict("a", "r")).model_dump())
        WhatIfPrediction.model_validate((await service.what_if("a", overrides, "r")).model_dump())
        BatchPrediction.model_validate((await service.predict_batch(["a", "x"], "r")).model_dump())

    asyncio.run(ask(service_of(MemoryStore({"a": row}, state, segment), choice)))


def test_batch_keeps_order_and_repetitions(choice: ModelChoice) -> None:
    service = service_of(MemoryStore({"a": ROW, "b": [1.0, 1.0, 0.0]}), choice)
    answer = asyncio.run(service.predict_batch(["x", "b", "a", "b", "x", "y"], "r"))
    assert [prediction.customer_id for prediction in answer.predictions] == ["b", "a", "b"]
    assert answer.predictions[0].churn_probability == answer.predictions[2].churn_probability
    assert answer.unknown == ["x", "x", "y"]


def test_what_if_error_names_some_unknown_features(choice: ModelChoice) -> None:
    service = service_of(MemoryStore({"a": ROW}), choice)
    with pytest.raises(UnknownFeatureError) as error_info:
        asyncio.run(service.what_if("a", dict.fromkeys("hgfedcba", 1.0) | {FEATURES[0]: 1.0}, "r"))
    assert error_info.value.names == ["a", "b", "c", "d", "e"]
    with pytest.raises(UnknownCustomerError):
        asyncio.run(service.what_if("x", {FEATURES[0]: 1.0}, "r"))
