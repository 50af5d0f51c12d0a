"""The feature store as a library: one class over the declarations, the engines, the lake and the
online store. What it returns equals what the graph's assets compute and what HTTP answers use.
"""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Union

from retention_assets import keys
from retention_assets.errors import FeatureRequestError
from retention_assets.features.availability import (
    available_features,
    features_by_group,
    model_features,
)
from retention_assets.features.declarations import FEATURES
from retention_assets.features.feature import Feature
from retention_assets.features.inference import InferenceFeatures, read_for_inference
from retention_assets.features.publish import publish
from retention_assets.features.vectors import feature_tables, read_vectors
from retention_assets.platform import Platform
from retention_assets.resources.deployer import Deployer
from retention_assets.resources.lake import Lake
from retention_assets.resources.online import OnlineStore, Publication
from retention_assets.settings import Settings
from retention_assets.sources.profile import Profile

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from retention_assets.features.historical import HistoricalFeatures

    Entities = Union["DataFrame", "pa.Table", "pd.DataFrame"]  # noqa: UP007


class FeatureStore:
    """The features of one home.

    `snapshots`: the folder from which serving reads while Redis is unavailable; None: none are
    written. Spark starts with the first method that needs it: `create_feature_tables`,
    `get_historical_features` and `publish_online`.
    """

    def __init__(
        self, lake: Lake, profile: Profile, online: OnlineStore, snapshots: Path | None = None
    ) -> None:
        self._lake = lake
        self._profile = profile
        self._online = online
        self._snapshots = snapshots

    @classmethod
    def of(cls, settings: Settings) -> "FeatureStore":
        """The store of a home. Raises ProfileError or SetupError as `Platform.of` does."""
        platform = Platform.of(settings)
        return cls(
            Lake.of(platform.settings),
            platform.profile,
            OnlineStore.of(platform.settings),
            Deployer.of(platform.settings).snapshots,
        )

    @property
    def features(self) -> list[Feature]:
        """The declared features that the source can fill. Models read those that say
        `is_model_input`.
        """
        return available_features(FEATURES, self._profile.tables)

    def create_feature_tables(self) -> dict[str, int]:
        """Makes features/customer_state and each features/customer_* hold all customers as of the
        day after the watermark. Returns the rows by table.

        `customer_id` is the primary key: raises DuplicateKeyError if a customer has two rows.
        """
        from retention_assets.features.current import (
            current_day,
            current_features,
            current_states,
        )
        from retention_assets.features.primary_key import PRIMARY_KEY, require_primary_key

        read = self._lake.read
        as_of = current_day(read)
        tables = {keys.CUSTOMER_STATE: current_states(read, self._profile, as_of)}
        for group, features in features_by_group(self._profile.tables).items():
            key = keys.customer_features(group)
            tables[key] = current_features(read, self._profile, features, as_of)
        return {
            key: self._lake.merge(key, require_primary_key(frame, key), [PRIMARY_KEY])
            for key, frame in tables.items()
        }

    def get_historical_features(
        self, entities: "Entities", features: Sequence[str] | None = None
    ) -> "HistoricalFeatures":
        """Features as they were known on any day, for training and analysis: one pass over the
        tiles, whatever the number of days.

        `entities`: a Spark or pandas frame or an Arrow table with customer_id, as_of (a day, or
        midnight UTC) and any other columns, which stay. Rows of tables in memory keep their order;
        repeated rows are kept; a customer who was not known on the day has nulls and is reported.
        `features`: their names; None: all. Raises FeatureRequestError for a row without a customer
        or a day, a day that can still change, and a feature that the source does not have.
        """
        from retention_assets.features.current import current_day
        from retention_assets.features.historical import historical_features

        return historical_features(
            self._frame(entities),
            self._lake.read,
            self._named(features),
            self._profile.start,
            today=current_day(self._lake.read),
        )

    def compute_for_customer(
        self, customer_id: str, as_of: date, features: Sequence[str] | None = None
    ) -> dict[str, float | None] | None:
        """The same values for one customer in plain Python, without Spark, from the customer's own
        rows in the lake. None if the customer is not known at the start of the day.
        """
        from retention_assets.features.single_customer import features_of_customer

        return features_of_customer(
            self._lake.root, customer_id, as_of, self._named(features), self._profile.start
        )

    def publish_online(self, features: Sequence[str] | None = None) -> Publication:
        """Replaces what is online by the current states and features, in one step; then writes the
        snapshot. A newer publication of the source stays. `features`: names in the order of the
        vectors; None: all that models read.

        The graph publishes the champion's features in its order; HTTP refuses others, so a home
        whose champion is deployed publishes through serving/online_features.
        """
        names = list(features or model_features(self._profile.tables))
        tables = feature_tables(self._profile.tables)
        self._named(names)
        vectors = read_vectors(self._stored, tables, names)
        return publish(self._online, self._snapshots, self._profile.name, vectors)

    def update_features_streaming(
        self,
        folder: Path,
        *,
        clock: Callable[[], float],
        patience_days: int = 7,
        interval_s: float = 1.0,
        is_ended: Callable[[], bool] = lambda: False,
    ) -> None:
        """Takes the rows of the source's stream: writes the online vectors of their customers
        within seconds, and lands the rows for the daily run. Returns when `is_ended`; looks for new
        rows every `interval_s` seconds.

        `folder`: of the checkpoint, the open rows and progress.json; one process at a time. `clock`
        gives seconds since 1970. `patience_days`: as the daily run closes days. Raises ProfileError
        if the source has no stream.
        """
        from retention_assets.features.stream.process import Stream

        stream = Stream(self._lake, self._profile, self._online, folder)
        stream.run(
            clock=clock, patience_days=patience_days, interval_s=interval_s, is_ended=is_ended
        )

    def get_features_for_inference(
        self,
        customer_ids: Sequence[str],
        features: Sequence[str] | None = None,
        *,
        fingerprint: str | None = None,
    ) -> InferenceFeatures:
        """The customers' published states and features, in one round trip to the online store.

        A reader that names its features goes on when others are added or the order changes; a
        feature that is not online any more is named. A reader with a `fingerprint` gets exactly
        that set of names in that order. Raises OnlineReadError otherwise, and when nothing is
        online or the publication's time to live (`RETENTION_FEATURE_TTL_DAYS`) is over.
        """
        return read_for_inference(
            self._online, self._profile.name, customer_ids, features, fingerprint
        )

    def _stored(self, key: str) -> "pa.Table":
        """A table of the lake. Without value/customer_segments, every segment is unknown."""
        import pyarrow as pa

        if key == keys.CUSTOMER_SEGMENTS and not self._lake.exists(key):
            nobody = pa.array([], pa.string())
            return pa.table({"customer_id": nobody, "segment": nobody})
        return self._lake.read(key).toArrow()

    def _frame(self, entities: "Entities") -> "DataFrame":
        """The rows as a Spark frame; those of tables in memory are numbered."""
        from pyspark.sql import DataFrame
        from pyspark.sql import functions as F

        from retention_assets.features.historical import PLACE

        if isinstance(entities, DataFrame):
            return entities
        rows = self._lake.spark.createDataFrame(entities)
        return rows.withColumn(PLACE, F.monotonically_increasing_id())

    def _named(self, names: Sequence[str] | None) -> list[Feature]:
        """The features of these names, in their order."""
        available = {feature.name: feature for feature in self.features}
        if unknown := [name for name in names or () if name not in available]:
            raise FeatureRequestError(
                f"Source {self._profile.name} has no features {', '.join(unknown)}.",
                f"Choose from {', '.join(available)}.",
            )
        return [available[name] for name in (available if names is None else names)]
