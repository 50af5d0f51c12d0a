"""All features, in the order of declared/. availability.py says which of them a source can fill."""

from retention_assets.features.declared.behavior import BEHAVIOR_FEATURES
from retention_assets.features.declared.demographics import DEMOGRAPHIC_FEATURES
from retention_assets.features.declared.transactions import TRANSACTION_FEATURES
from retention_assets.features.feature import Feature

FEATURES: tuple[Feature, ...] = DEMOGRAPHIC_FEATURES + TRANSACTION_FEATURES + BEHAVIOR_FEATURES
