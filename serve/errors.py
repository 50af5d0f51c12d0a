"""What can go wrong on the serving side, before it becomes an HTTP problem. Messages never bear paths or secrets."""


class BundleError(Exception):
    """A model folder is not what its digest, its card or its format promise. It is refused before it is opened."""


class UnavailableError(Exception):
    """The service cannot answer now, for want of a model or of features. The caller may retry."""


class UnknownCustomerError(Exception):
    """No feature vector was ever published for these customers."""

    def __init__(self, customer_id: str) -> None:
        super().__init__("No features are published for this customer.")
        self.customer_id = customer_id


class UnknownFeatureError(Exception):
    """A what-if names features that the model does not use."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"The model has no feature named {', '.join(names)}.")
        self.names = names
