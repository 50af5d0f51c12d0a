"""The platform's exceptions. Each says what happened, where, and how to fix it."""


class RetentionError(Exception):
    """Base of all errors that a user can fix. `fix` says how, in one sentence."""

    exit_code = 1

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem} Fix: {fix}")
        self.problem = problem
        self.fix = fix

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.problem, self.fix)  # an error crosses processes


class SetupError(RetentionError):
    """The machine lacks something: Java, jars, a free port, a service."""


class SettingsError(RetentionError):
    """A RETENTION_* variable that is no setting."""

    exit_code = 2


class SelectionError(RetentionError):
    """A selection of assets that cannot be read, or that names none."""

    exit_code = 2


class ProfileError(RetentionError):
    """A source profile, or the files behind it, do not fit their contract."""


class SchemaChangedError(ProfileError):
    """A source's columns differ from those its profile declares."""


class UnreadableFileError(ProfileError):
    """A file of a source is not of its format, or only a part of it is there."""


class ContractError(RetentionError):
    """A table was made by another definition than today's, and the two must not mix."""


class LedgerError(RetentionError):
    """The ledger has no such file, a file cannot be forgotten, or days are not where reading goes
    on.
    """


class TableError(RetentionError):
    """A flat labeled table lacks a column, a label or a date, or cannot be read."""


class NotTrainableError(RetentionError):
    """There are too few examples, or only one class, to train or evaluate a model."""


class CustomerValueError(RetentionError):
    """A lifetime value cannot be computed: a customer's history contradicts itself, or the horizon,
    the discount or the margin is out of range.
    """


class RegistryError(RetentionError):
    """The model registry has no such model, or its files do not match their digest."""


class PublicationError(RetentionError):
    """Another publication of features took over before this one was complete."""


class DuplicateKeyError(RetentionError):
    """A table of features has two rows of a customer, or a row of none."""


class FeatureRequestError(RetentionError):
    """The feature store was asked for rows, days or features that it cannot give."""


class OnlineReadError(RetentionError):
    """The online store has no features, or others than those that a reader needs."""


class ServingError(RetentionError):
    """Ray Serve refused a deployment or does not answer."""


class LeakError(RetentionError):
    """A feature reads a column that defines the label, or data not known at its time."""


class RunFailedError(RetentionError):
    """A run of the graph failed; the problem names the asset and its cause."""
