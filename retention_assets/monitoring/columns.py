"""The columns of the tables that monitoring writes: name, Spark type, meaning."""

from typing import TypeAlias

DeclaredColumns: TypeAlias = tuple[tuple[str, str, str], ...]

DRIFT_COLUMNS: DeclaredColumns = (
    ("feature", "string", "Name of the feature."),
    ("n_reference", "bigint", "Customers in the champion's last training week."),
    ("n_current", "bigint", "Customers today who can still leave."),
    ("unknown_reference", "double", "Share of unknown values in training."),
    ("unknown_current", "double", "Share of unknown values today."),
    ("statistic", "double", "Kolmogorov-Smirnov distance of the two distributions."),
    ("critical", "double", "Distance that chance alone exceeds with the report's error rate."),
    ("p_value", "double", "p-value, adjusted by Holm for the number of features."),
    ("effect", "double", "Size of the shift, in standard deviations of the training sample."),
    ("drifted", "boolean", "Whether the shift is both significant and large enough to count."),
    (
        "score_shift",
        "double",
        "Mean change of the champion's probabilities by this drift; null without drift, and where "
        "the champion reads features that are gone.",
    ),
    ("matters", "boolean", "Whether the drift asks for another recipe."),
    ("champion", "string", "Version of the model whose training is compared."),
)
DECISION_COLUMNS: DeclaredColumns = (
    ("watermark", "date", "Last closed day of the data."),
    ("action", "string", "search (train all candidates), refit (the champion's recipe), or none."),
    ("reason", "string", "Why, in one sentence."),
    ("new_customers", "bigint", "Customers with labels that the last training did not have."),
    ("days_since_training", "bigint", "Days of labeled data since the last training."),
    ("untested_weeks", "bigint", "Labeled weeks since the last spent test period."),
    (
        "drifted_features",
        "array<string>",
        "Features whose drift moves the champion's probabilities, the largest shift first.",
    ),
    ("failed_checks", "array<string>", "Data checks whose latest evaluation failed."),
)
CATALOG_COLUMNS: DeclaredColumns = (
    ("feature", "string", "Name of the feature."),
    ("feature_group", "string", "Its table is features/customer_ and this name."),
    ("meaning", "string", "What it says of a customer."),
    (
        "window_days",
        "int",
        "Days before the as-of day whose events it reads; 0: it reads none; null: all.",
    ),
    (
        "unknown_share",
        "double",
        "Share of the customers who can still leave for whom it is unknown; null: not computed.",
    ),
    (
        "drift",
        "double",
        "Size of the shift since the champion's training, in standard deviations; null: not "
        "compared.",
    ),
    ("has_drifted", "boolean", "Whether the drift report counts this shift as drift."),
    (
        "importance",
        "double",
        "Mean change of the champion's probabilities when customers exchange their values of this "
        "feature; null: the champion does not read it.",
    ),
    ("left_out_because", "string", "Why models do not read it; null: they do."),
)


def schema_of(columns: DeclaredColumns) -> str:
    """The columns as a Spark schema."""
    return ", ".join(f"{name} {kind}" for name, kind, _ in columns)


def descriptions_of(columns: DeclaredColumns) -> dict[str, str]:
    """Column -> meaning."""
    return {name: meaning for name, _, meaning in columns}
