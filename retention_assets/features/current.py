"""The current states and features of all customers: as of the first day that is not closed, the day
after the watermark. Frames in and out.
"""

from collections.abc import Callable, Iterable
from datetime import date, timedelta

from pyspark.sql import DataFrame

from retention_assets import keys
from retention_assets.features.customer_state import read_histories, states_as_of
from retention_assets.features.engine_spark import compute_features
from retention_assets.features.feature import Feature
from retention_assets.features.point_in_time import customers_as_of
from retention_assets.sources.profile import Profile
from retention_assets.validation.versions import read_facts
from retention_assets.validation.watermark import read_watermark


def current_day(read: Callable[[str], DataFrame]) -> date:
    """The first day that is not closed. `read`: asset key -> frame, as for all functions here."""
    return read_watermark(read) + timedelta(days=1)


def current_states(read: Callable[[str], DataFrame], profile: Profile, as_of: date) -> DataFrame:
    """The rows of features/customer_state."""
    known = customers_as_of(read_facts(read, "customers"), [as_of], ())
    histories = read_histories(read, profile)
    return states_as_of(known.drop("signup_date"), histories, profile.churn)


def current_features(
    read: Callable[[str], DataFrame], profile: Profile, features: Iterable[Feature], as_of: date
) -> DataFrame:
    """The rows of a table features/customer_*."""
    customers = read_facts(read, "customers")
    return compute_features(read(keys.DAILY_ACTIVITY), customers, [as_of], features, profile.start)
