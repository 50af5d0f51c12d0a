"""The seven canonical tables, as data: columns, Spark types, keys, allowed values, and the rules a valid row obeys.

Every table also carries the bookkeeping columns of `RAW_COLUMNS`. No reading, no checking here.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Column:
    """One canonical column. `type` is a Spark SQL type; `allowed` lists its values; `minimum`, `maximum` are inclusive."""

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
    """One canonical table: `key` identifies a fact, so that two rows with one key are duplicates.

    `standing`: rows hold until the next one, so one from before the source began is sound, and lies in the first partition.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...] = field(repr=False)
    valid_until_replaced: bool = False

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


CUSTOMER = Column("customer_id", "string", "Who, in the source's own identifier.")
EVENT_TS = Column("event_ts", "timestamp", "When it happened (UTC).")
INGESTED_TS = Column("ingested_ts", "timestamp", "When the platform could first know of it (UTC).")
TIMES = (EVENT_TS, INGESTED_TS)

# Bookkeeping that raw/* adds to the canonical columns of every table.
RAW_COLUMNS = (
    Column(
        "event_date",
        "date",
        "Partition: date of event_ts; of ingested_ts or the file where event_ts is unreadable.",
    ),
    Column("source_file", "string", "The file the row came from."),
    Column("raw_text", "string", "The source row as JSON, before any cast."),
    Column(
        "parse_errors",
        "array<string>",
        "Canonical columns whose source value could not be read as their type.",
    ),
)

PLANS = ("basic", "standard", "premium")
CHANNELS = ("organic", "paid_search", "social", "referral", "partner")

CUSTOMERS = Table(
    "customers",
    "Who the customers are: one row at sign-up and one at each change; the latest before t holds at t.",
    ("customer_id", "event_ts"),
    (
        CUSTOMER,
        *TIMES,
        Column("plan", "string", "Subscription plan.", required=False, allowed=PLANS),
        Column("country", "string", "Country.", required=False),
        Column(
            "acquisition_channel",
            "string",
            "How the customer was won.",
            required=False,
            allowed=CHANNELS,
        ),
        Column("birth_year", "int", "Year of birth.", required=False, minimum=1900, maximum=2020),
        Column("email_opt_in", "boolean", "Consent to retention mail.", required=False),
    ),
    valid_until_replaced=True,
)

TRANSACTIONS = Table(
    "transactions",
    "Order lines sold and returned; amounts are positive in both kinds.",
    ("transaction_id",),
    (
        Column("transaction_id", "string", "The line."),
        Column("order_id", "string", "The order or invoice that the line belongs to."),
        CUSTOMER,
        *TIMES,
        Column("kind", "string", "Sale or return.", allowed=("sale", "return")),
        Column(
            "amount",
            "double",
            "Value of the line, in the source's currency.",
            exclusive_minimum=0.0,
        ),
        Column("quantity", "double", "Units.", required=False, minimum=0.0),
        Column("product_id", "string", "What was bought.", required=False),
        Column("card_id", "string", "Payment card.", required=False),
        Column("device_id", "string", "Device that paid.", required=False),
        Column("terminal_id", "string", "Merchant terminal.", required=False),
    ),
)

SUPPORT_TICKETS = Table(
    "support_tickets",
    "Contacts that a customer opened with support.",
    ("ticket_id",),
    (
        Column("ticket_id", "string", "The ticket."),
        CUSTOMER,
        *TIMES,
        Column("category", "string", "What it is about.", required=False),
        Column("severity", "string", "How bad.", required=False, allowed=("low", "medium", "high")),
        Column(
            "satisfaction",
            "int",
            "Customer's grade, 1 worst to 5 best.",
            required=False,
            minimum=1,
            maximum=5,
        ),
    ),
)

ENGAGEMENT_EVENTS = Table(
    "engagement_events",
    "What a customer does without paying: logins, feature use, community posts.",
    ("event_id",),
    (
        Column("event_id", "string", "The event."),
        CUSTOMER,
        *TIMES,
        Column(
            "event_type",
            "string",
            "What was done.",
            allowed=("login", "feature_use", "community_post"),
        ),
        Column("duration_s", "double", "Seconds it took.", required=False, minimum=0.0),
    ),
)

CHURN_EVENTS = Table(
    "churn_events",
    "A customer left: canceled, or let the subscription lapse.",
    ("customer_id", "event_ts"),
    (
        CUSTOMER,
        *TIMES,
        Column("churn_type", "string", "How.", allowed=("canceled", "lapsed")),
        Column("reason", "string", "Reason given.", required=False),
    ),
)

CAMPAIGN_CONTACTS = Table(
    "campaign_contacts",
    "Retention contacts, and the untreated arm of the randomized ones.",
    ("contact_id",),
    (
        Column("contact_id", "string", "The contact."),
        CUSTOMER,
        *TIMES,
        Column("campaign", "string", "Which campaign."),
        Column(
            "channel",
            "string",
            "Mail, phone, app.",
            required=False,
            allowed=("mail", "phone", "app"),
        ),
        Column("treated", "boolean", "False: held out as control."),
        Column("randomized", "boolean", "Whether chance decided the arm."),
        Column("cost", "double", "Cost of the contact.", required=False, minimum=0.0),
    ),
)

FRAUD_REPORTS = Table(
    "fraud_reports",
    "Transactions reported as fraud, when the report came in.",
    ("report_id",),
    (
        Column("report_id", "string", "The report."),
        Column("transaction_id", "string", "The transaction it is about."),
        CUSTOMER,
        *TIMES,
        Column(
            "reported_by",
            "string",
            "Who said so.",
            required=False,
            allowed=("customer", "bank", "analyst"),
        ),
        Column("is_fraud", "boolean", "False: looked at and cleared."),
    ),
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        CUSTOMERS,
        TRANSACTIONS,
        SUPPORT_TICKETS,
        ENGAGEMENT_EVENTS,
        CHURN_EVENTS,
        CAMPAIGN_CONTACTS,
        FRAUD_REPORTS,
    )
}
