"""The eight canonical tables: columns, Spark types, keys, allowed values, and the limits of a valid
row.

Every table also has the columns of `RAW_COLUMNS`. Nothing is read or checked here.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CanonicalColumn:
    """One canonical column. `type` is a Spark SQL type; `minimum` and `maximum` are inclusive."""

    name: str
    type: str
    meaning: str
    required: bool = True
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: float | None = None


@dataclass(frozen=True)
class Table:
    """One canonical table. `key` identifies a fact: two rows with the same key are duplicates.

    `may_precede_start`: a row may be about a day before the source's start, as a sign-up may.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[CanonicalColumn, ...] = field(repr=False)
    may_precede_start: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


_Column = CanonicalColumn

_CUSTOMER = _Column("customer_id", "string", "Customer, by the source's identifier.")
_TIMES = (
    _Column("event_ts", "timestamp", "When it happened (UTC)."),
    _Column(
        "ingested_ts",
        "timestamp",
        "When the platform learned of it (UTC): stated_ts, but never on a day that was closed.",
    ),
)

# Columns that raw/* adds to the canonical columns of every table.
RAW_COLUMNS = (
    _Column("arrival_date", "date", "Partition: the date of ingested_ts."),
    _Column(
        "stated_ts",
        "timestamp",
        "When the source stated the row: its own arrival time; without one, the end of the day in "
        "the file's name; without that, event_ts. Without an arrival time, a changed file states "
        "its new rows when they arrive.",
    ),
    _Column("source_file", "string", "The file that the row was read from."),
    _Column(
        "raw_text",
        "string",
        "The source row before any cast: its own text if it is faulty or a line of JSON, else as "
        "JSON.",
    ),
    _Column("row_fault", "string", "The fault of the source row as a whole, if it has one."),
    _Column(
        "parse_errors",
        "array<string>",
        "Canonical columns whose source value could not be read as their type.",
    ),
    _Column(
        "is_gone",
        "boolean",
        "False for the rows that a file has; true for one that a later version of the file lacks. "
        "Such a row is counted, and what it said stays.",
    ),
)

# Faults of a source row as a whole: the name of the rule that finds it, and what `row_fault` holds.
MORE_FIELDS = "the row has more fields than the header"
FEWER_FIELDS = "the row has fewer fields than the header"
BROKEN_JSON = "the line is not a JSON object"
FAILED_WHERE = "the condition of the profile cannot be decided for the row"
ROW_FAULTS = {
    "row_has_no_extra_fields": MORE_FIELDS,
    "row_has_all_fields": FEWER_FIELDS,
    "row_is_json": BROKEN_JSON,
    "row_condition_readable": FAILED_WHERE,
}

EARLIEST_YEAR = 1900  # an earlier moment is a fault of the source, such as 0001-01-01
MAX_ID_CHARS = 128  # the longest customer_id that the HTTP interface accepts

PLANS = ("basic", "standard", "premium")
ACQUISITION_CHANNELS = ("organic", "paid_search", "social", "referral", "partner")

_TABLES = (
    Table(
        "customers",
        "Customers: one row at sign-up and one at each change; the latest before t holds at t.",
        ("customer_id", "event_ts"),
        (
            _CUSTOMER,
            *_TIMES,
            _Column("plan", "string", "Subscription plan.", required=False, allowed=PLANS),
            _Column("country", "string", "Country.", required=False),
            _Column(
                "acquisition_channel",
                "string",
                "Channel through which the customer signed up.",
                required=False,
                allowed=ACQUISITION_CHANNELS,
            ),
            _Column(
                "birth_year", "int", "Year of birth.", required=False, minimum=1900, maximum=2020
            ),
            _Column("email_opt_in", "boolean", "Consent to retention mail.", required=False),
        ),
        may_precede_start=True,
    ),
    Table(
        "transactions",
        "Order lines sold and returned; amounts are positive for both kinds.",
        ("transaction_id",),
        (
            _Column("transaction_id", "string", "Identifier of the order line."),
            _Column("order_id", "string", "The order or invoice that the line belongs to."),
            _CUSTOMER,
            *_TIMES,
            _Column("kind", "string", "Sale or return.", allowed=("sale", "return")),
            _Column(
                "amount",
                "double",
                "Value of the line, in the source's currency.",
                exclusive_minimum=0.0,
            ),
            _Column("quantity", "double", "Number of units.", required=False, minimum=0.0),
            _Column("product_id", "string", "The product.", required=False),
            _Column("card_id", "string", "Payment card.", required=False),
            _Column("device_id", "string", "Device that the payment came from.", required=False),
            _Column("terminal_id", "string", "Merchant terminal.", required=False),
        ),
    ),
    Table(
        "support_tickets",
        "Support tickets opened by customers.",
        ("ticket_id",),
        (
            _Column("ticket_id", "string", "Identifier of the ticket."),
            _CUSTOMER,
            *_TIMES,
            _Column("category", "string", "Subject of the ticket.", required=False),
            _Column(
                "severity",
                "string",
                "Severity of the problem.",
                required=False,
                allowed=("low", "medium", "high"),
            ),
            _Column(
                "satisfaction",
                "int",
                "The customer's grade, from 1 (worst) to 5 (best).",
                required=False,
                minimum=1,
                maximum=5,
            ),
        ),
    ),
    Table(
        "engagement_events",
        "What customers do apart from paying: logins, feature use, community posts.",
        ("event_id",),
        (
            _Column("event_id", "string", "Identifier of the event."),
            _CUSTOMER,
            *_TIMES,
            _Column(
                "event_type",
                "string",
                "Kind of event.",
                allowed=("login", "feature_use", "community_post"),
            ),
            _Column("duration_s", "double", "Duration in seconds.", required=False, minimum=0.0),
        ),
    ),
    Table(
        "churn_events",
        "Customers who left: canceled, or let the subscription lapse.",
        ("customer_id", "event_ts"),
        (
            _CUSTOMER,
            *_TIMES,
            _Column(
                "churn_type", "string", "How the customer left.", allowed=("canceled", "lapsed")
            ),
            _Column("reason", "string", "Reason that the customer gave.", required=False),
        ),
    ),
    Table(
        "churn_labels",
        "Given outcomes: whether a customer left after an as-of day.",
        ("customer_id", "event_ts"),
        (
            _CUSTOMER,
            _Column("event_ts", "timestamp", "The as-of day (UTC); a time of day is ignored."),
            _Column("ingested_ts", "timestamp", "When the outcome became known (UTC)."),
            _Column("churned", "boolean", "Left within the horizon after the as-of day."),
        ),
        may_precede_start=True,
    ),
    Table(
        "campaign_contacts",
        "Retention contacts, and the customers held out as controls.",
        ("contact_id",),
        (
            _Column("contact_id", "string", "Identifier of the contact."),
            _CUSTOMER,
            *_TIMES,
            _Column("campaign", "string", "Name of the campaign."),
            _Column(
                "channel",
                "string",
                "Channel of the contact.",
                required=False,
                allowed=("mail", "phone", "app"),
            ),
            _Column("treated", "boolean", "Contacted; false: held out as a control."),
            _Column("randomized", "boolean", "Whether the arm was assigned at random."),
            _Column(
                "propensity",
                "double",
                "Probability of a contact at this decision, if those whom it left out are rows "
                "too; blank if unknown.",
                required=False,
                exclusive_minimum=0.0,
                maximum=1.0,
            ),
            _Column("cost", "double", "Cost of the contact.", required=False, minimum=0.0),
        ),
    ),
    Table(
        "fraud_reports",
        "Reports of fraud, dated by when they came in.",
        ("report_id",),
        (
            _Column("report_id", "string", "Identifier of the report."),
            _Column("transaction_id", "string", "The reported transaction."),
            _CUSTOMER,
            *_TIMES,
            _Column(
                "reported_by",
                "string",
                "Who reported it.",
                required=False,
                allowed=("customer", "bank", "analyst"),
            ),
            _Column("is_fraud", "boolean", "Confirmed fraud; false: examined and cleared."),
        ),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}


def column_descriptions(table: Table) -> dict[str, str]:
    """Column name -> meaning: the table's own columns, and those that raw/* adds."""
    return {column.name: column.meaning for column in (*table.columns, *RAW_COLUMNS)}
