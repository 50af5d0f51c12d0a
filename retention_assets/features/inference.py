"""Features from the online store, for a reader that knows which ones it needs. No Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from retention_assets.errors import OnlineReadError
from retention_assets.resources.online import OnlineStore
from serve.states import UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class InferenceFeatures:
    """A state and a row of `matrix` (n, f; NaN: unknown) for each of n requested customers, in the
    order of the request. All are of one publication, as of midnight at the start of `as_of`.

    `missing`: customers without a vector; their state is unknown and their row NaN. `fingerprint`:
    of the publication's feature names. `age_s`: seconds since it was published; in `expires_in_s`
    the store drops it.
    """

    customer_ids: list[str]
    states: list[str]
    features: list[str]
    matrix: np.ndarray
    as_of: date
    fingerprint: str
    missing: list[str]
    age_s: int
    expires_in_s: int

    def to_arrow(self) -> "pa.Table":
        """customer_id, as_of, state, and a column per feature, null if unknown."""
        import pyarrow as pa

        keys = {
            "customer_id": pa.array(self.customer_ids, pa.string()),
            "as_of": pa.array([self.as_of] * len(self.customer_ids), pa.date32()),
            "state": pa.array(self.states, pa.string()),
        }
        values = {
            name: pa.array(self.matrix[:, column], from_pandas=True)
            for column, name in enumerate(self.features)
        }
        return pa.table(keys | values)


def read_for_inference(
    online: OnlineStore,
    source: str,
    customer_ids: Sequence[str],
    features: Sequence[str] | None,
    fingerprint: str | None,
) -> InferenceFeatures:
    """These features in this order; None: all that are published. A publication may have more.

    `fingerprint`: that of the publication that the reader was made for; None: any that has the
    features. Raises OnlineReadError if nothing of this source is online, or other features are.
    """
    published = online.fetch(customer_ids)
    if published is None or published.description["source"] != source:
        raise OnlineReadError(
            f"No features of source {source} are online: none were published, or they expired.",
            "Materialize serving/online_features, or call publish_online().",
        )
    names: list[str] = published.description["names"]
    online_fingerprint: str = published.description["fingerprint"]
    if fingerprint not in (None, online_fingerprint):
        raise OnlineReadError(
            f"The features online have the fingerprint {online_fingerprint}, not {fingerprint}: "
            "their names or order are others.",
            "Publish the features that the reader was made for, or read by name, without a "
            "fingerprint.",
        )
    requested = list(names if features is None else features)
    if removed := [name for name in requested if name not in names]:
        raise OnlineReadError(
            f"Not online any more, or never published: {', '.join(removed)}.",
            "Leave these features out, or publish them again with publish_online(features).",
        )
    columns = [names.index(name) for name in requested]
    matrix = np.full((len(customer_ids), len(columns)), np.nan)
    for row, vector in enumerate(published.vectors):
        if vector is not None:
            matrix[row] = vector.values[columns]
    pairs = list(zip(customer_ids, published.vectors, strict=True))
    return InferenceFeatures(
        customer_ids=list(customer_ids),
        states=[vector.state if vector else UNKNOWN for _, vector in pairs],
        features=requested,
        matrix=matrix,
        as_of=date.fromisoformat(published.description["as_of"]),
        fingerprint=online_fingerprint,
        missing=list(dict.fromkeys(name for name, vector in pairs if vector is None)),
        age_s=published.age_s,
        expires_in_s=published.expires_in_s,
    )
