"""Asset keys (`stage/noun`), task names and gate names, each spelled once."""

# Tasks: what a champion is registered under.
CHURN = "churn"
TABLE = "table"

# Asset keys. Those of a source table are made by the functions below.
SOURCE_FILES = "raw/source_files"
WATERMARK = "validated/watermark"
TRANSACTIONS = "validated/transactions"
CUSTOMERS = "validated/customers"
CAMPAIGN_CONTACTS = "validated/campaign_contacts"
DAILY_ACTIVITY = "features/daily_activity"
CUSTOMER_STATE = "features/customer_state"
FEATURE_CATALOG = "features/catalog"
LIFETIME_VALUE = "value/customer_lifetime_value"
CUSTOMER_SEGMENTS = "value/customer_segments"
CHURN_EXAMPLES = "training/churn_examples"
CHURN_LEADERBOARD = "training/churn_leaderboard"
CHURN_CHAMPION = "training/churn_champion"
TEST_PERIODS = "training/test_periods"
CHURN_SCORES = "decisions/churn_scores"
ONLINE_FEATURES = "serving/online_features"
STREAM = "serving/stream"
CHAMPION_DEPLOYMENT = "serving/champion_deployment"
FEATURE_DRIFT = "monitoring/feature_drift"
RETRAINING_DECISION = "monitoring/retraining_decision"

# Promotion gates: also the names of the champion's asset checks.
BETTER_THAN_CHAMPION = "better_than_champion"
BETTER_THAN_BASELINES = "better_than_trivial_baselines"
HAS_SIGNAL = "has_signal"
CALIBRATED = "calibrated"
CALIBRATED_ON_LARGE_SLICES = "calibrated_on_large_slices"
NO_WORSE_ON_LARGE_SLICES = "no_worse_on_large_slices"
FAST_ENOUGH = "fast_enough"
PINNED_WITH_SIGNATURE = "pinned_with_signature"
# Asset check of the champion beside the gates.
REFIT_AGREES = "refit_agrees"
# Asset check of each candidate.
TRAINED = "trained"


def raw(table: str) -> str:
    """Key of a source table as it arrived."""
    return f"raw/{table}"


def validated(table: str) -> str:
    """Key of a source table's valid rows."""
    return f"validated/{table}"


def quarantine(table: str) -> str:
    """Key of a source table's invalid rows."""
    return f"quarantine/{table}"


def customer_features(group: str) -> str:
    """Key of the current features of one group."""
    return f"features/customer_{group}"


def churn_candidate(name: str) -> str:
    """Key of a candidate's scores on the untouched period."""
    return f"training/churn_{name}"
