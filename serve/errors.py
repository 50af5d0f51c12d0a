"""Errors of the serving side.

Their messages reach callers, so they contain no paths and no secrets.
"""


class BundleError(Exception):
    """A model folder does not match its digest, its card or its format, and was not loaded."""


class UnavailableError(Exception):
    """There is no model or no source of features right now. The caller may retry."""


class UnknownCustomerError(Exception):
    """No feature vector has been published for this customer."""

    def __init__(self, customer_id: str) -> None:
        super().__init__("No features are published for this customer.")
        self.customer_id = customer_id


class UnknownFeatureError(Exception):
    """A what-if request names features that the model does not use."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"The model has no feature named {', '.join(names)}.")
        self.names = names
