"""The platform's own exceptions: what happened, where, and what to do. Nothing else is raised on purpose."""


class RetentionError(Exception):
    """Base of all errors that a user can mend. `remedy` says how, in one sentence."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} Remedy: {remedy}")
        self.problem = problem
        self.remedy = remedy


class SetupError(RetentionError):
    """The machine lacks something: Java, jars, a free port, a service."""


class ProfileError(RetentionError):
    """A source profile, or the files behind it, do not fit their contract."""


class SchemaChangedError(ProfileError):
    """A source's columns are no longer those that its profile declares."""


class TableError(RetentionError):
    """A flat labelled table that somebody gave lacks a column, a label or a date, or cannot be read."""


class NotTrainableError(RetentionError):
    """There are too few examples, or only one class, to train or to judge a model on."""


class RegistryError(RetentionError):
    """The model registry has no such model, or its files do not match their digest."""


class ServingError(RetentionError):
    """The serving side refused a deployment or does not answer."""


class LeakError(RetentionError):
    """A feature reads what defines the label, or what was not known at its time."""


class RunFailedError(RetentionError):
    """A run of the graph failed; the problem names the asset and its cause."""
