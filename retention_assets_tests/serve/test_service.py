"""The service without HTTP: one model an answer, refusals that tell nothing of ours, answers as valid as they are unchecked."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retention_assets_tests.serve.applications import choice_of
from retention_assets_tests.serve.bundles import AS_OF, FEATURES
from serve.errors import BundleError, UnavailableError, UnknownCustomerError, UnknownFeatureError
from serve.features.codec import Vector
from serve.features.store import FeatureStore, Found
from serve.metrics import Metrics
from serve.model.bundle import load_bundle
from serve.model.scorer import Scorer
from serve.schemas import BatchPrediction, Prediction, WhatIfPrediction
from serve.service import ModelChoice, Service

VALUE = st.floats(allow_nan=True, allow_infinity=False)
ROW = [40.0, 0.3, 1.0]


class Held(FeatureStore):
    """A store of vectors in memory. `meanwhile` happens while it is being read."""

    def __init__(self, rows: Mapping[str, list[float]]) -> None:
        super().__init__("unix:///nowhere/s", 0.1, None)
        self.rows = rows
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def fetch(self, customer_ids: list[str], fingerprint: str, features: int) -> Found:
        if self.meanwhile:
            await self.meanwhile()
        rows = [self.rows.get(name) for name in customer_ids]
        return Found(
            [None if row is None else Vector(fingerprint, AS_OF, np.array(row)) for row in rows],
            degraded=False,
        )


def service_of(
    store: FeatureStore, choice: ModelChoice, load: Callable[[Path, str], Scorer] = load_bundle
) -> Service:
    service = Service(store, Metrics(), load)
    asyncio.run(service.use(choice))
    return service


@pytest.fixture(scope="module")
def choice(tmp_path_factory: pytest.TempPathFactory) -> ModelChoice:
    return choice_of(tmp_path_factory.mktemp("models") / "m")


def test_an_answer_is_of_the_model_that_it_began_with(choice: ModelChoice, tmp_path: Path) -> None:
    store = Held({"a": ROW})
    service, other = service_of(store, choice), choice_of(tmp_path / "m", "2", intercept=5.0)
    alone = asyncio.run(service.predict("a", "r"))
    store.meanwhile = lambda: service.use(other)
    during, after = asyncio.run(service.predict("a", "r")), asyncio.run(service.predict("a", "r"))
    assert during == alone
    assert (after.model_version, after.model_digest) == ("2", other.digest)
    assert after.churn_probability > during.churn_probability


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BundleError("The model's card is not JSON."), "The model's card is not JSON."),
        (OSError("/home/ada/model.json: disk on fire"), "The model could not be loaded."),
        (MemoryError("at 0x7f"), "The model could not be loaded."),
    ],
)
def test_a_first_model_that_fails_to_load_is_told_without_our_insides(
    choice: ModelChoice, error: Exception, reason: str
) -> None:
    def fail(folder: Path, digest: str) -> Scorer:
        raise error

    service = service_of(Held({}), choice, fail)
    with pytest.raises(UnavailableError) as refused:
        service.model_info()
    assert str(refused.value) == f"No model is deployed. The last one was refused: {reason}"
    assert "retention_model{" not in service.metrics.text().decode()


def test_a_good_model_after_a_refused_one_is_all_that_is_told(choice: ModelChoice) -> None:
    service = service_of(Held({}), choice)
    asyncio.run(service.use(choice.model_copy(update={"digest": "0" * 64, "model_version": "2"})))
    refused = service.model_info().refused
    assert refused and (refused.model_version, refused.model_digest) == ("2", "0" * 64)
    asyncio.run(service.use(choice.model_copy(update={"model_version": "3"})))
    assert (service.model_info().refused, service.model_info().model_version) == (None, "3")
    assert (
        f'retention_model{{digest="{choice.digest}",version="3"}} 1.0'
        in service.metrics.text().decode()
    )


def test_what_a_model_was_trained_with_stays_in_its_folder(tmp_path: Path) -> None:
    told = choice_of(
        tmp_path / "m",
        settings={"secret": 1},
        data_versions={"raw": 3},
        trained_as_of=["2024-01-01"],
    )
    said = service_of(Held({}), told).model_info()
    assert said.trained_as_of == ["2024-01-01"]
    assert {"settings", "data_versions", "model_file", "preprocess"}.isdisjoint(said.model_dump())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    row=st.lists(VALUE, min_size=3, max_size=3),
    overrides=st.dictionaries(st.sampled_from(FEATURES), VALUE | st.none()),
)
def test_every_answer_has_the_documented_form_whatever_the_numbers(
    choice: ModelChoice, row: list[float], overrides: dict[str, float | None]
) -> None:
    """They are built without validation, for speed."""

    async def ask(service: Service) -> None:
        Prediction.model_validate((await service.predict("a", "r")).model_dump())
        WhatIfPrediction.model_validate((await service.what_if("a", overrides, "r")).model_dump())
        BatchPrediction.model_validate((await service.predict_batch(["a", "x"], "r")).model_dump())

    asyncio.run(ask(service_of(Held({"a": row}), choice)))


def test_a_batch_keeps_order_and_repetition_of_known_and_unknown(choice: ModelChoice) -> None:
    service = service_of(Held({"a": ROW, "b": [1.0, 1.0, 0.0]}), choice)
    answer = asyncio.run(service.predict_batch(["x", "b", "a", "b", "x", "y"], "r"))
    assert [each.customer_id for each in answer.predictions] == ["b", "a", "b"]
    assert answer.predictions[0].churn_probability == answer.predictions[2].churn_probability
    assert answer.unknown == ["x", "x", "y"]


def test_a_what_if_names_the_features_that_are_none_but_not_all_of_them(
    choice: ModelChoice,
) -> None:
    service = service_of(Held({"a": ROW}), choice)
    with pytest.raises(UnknownFeatureError) as refused:
        asyncio.run(service.what_if("a", dict.fromkeys("hgfedcba", 1.0) | {FEATURES[0]: 1.0}, "r"))
    assert refused.value.names == ["a", "b", "c", "d", "e"]
    with pytest.raises(UnknownCustomerError):
        asyncio.run(service.what_if("x", {FEATURES[0]: 1.0}, "r"))
