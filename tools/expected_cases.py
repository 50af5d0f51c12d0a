"""What each input of a folder of cases should give, as the lines of case_results.py say it."""

from dataclasses import dataclass

from retention_assets.tabular.table import Roles

ROLES = Roles("churn", "customer_id")


@dataclass(frozen=True)
class FlatCase:
    """`right`: what the result contains. `same_as`: another file that gives the same values."""

    file: str
    right: str
    same_as: str = ""
    roles: Roles = ROLES
    same_roles: Roles = ROLES


@dataclass(frozen=True)
class RunCase:
    """`right`: the rows of `columns` of the table's facts, sorted, however the files came."""

    profile: str
    table: str
    columns: tuple[str, ...]
    right: str


TWO_IS_YES = Roles("churn", "customer_id", positive="2")
DATED = Roles("churn", "customer_id", "as_of")
SIX = "numbers calls, spend, tenure; words contract, region"
ALL = f"1,500 rows of 1,500 ids; 276 yes; 0 without label; {SIX}"
FLAT = (
    FlatCase("01-label-coded-1-2/customers.csv", "--positive VALUE"),
    FlatCase(
        "01-label-coded-1-2/customers.csv",
        ALL,
        same_as="01-label-coded-1-2/control_0_1.csv",
        roles=TWO_IS_YES,
    ),
    FlatCase("02-label-spellings/customers.csv", ALL),
    FlatCase("03-label-na/customers.csv", "307 without label"),
    *(
        FlatCase(f"04-na-in-numbers/{name}.csv", ALL, same_as="04-na-in-numbers/control_blank.csv")
        for name in ("mysql_export", "r_export", "weka_export")
    ),
    FlatCase(
        "05-thousands-separator/customers.csv",
        SIX,
        same_as="05-thousands-separator/control_plain.csv",
    ),
    FlatCase(
        "06-trailing-delimiter/customers.csv",
        "numbers newsletter, tenure",
        same_as="06-trailing-delimiter/control.csv",
    ),
    FlatCase("09-true-with-dot/customers.csv", f"276 yes; 0 without label; {SIX}"),
    FlatCase("10-semicolon-decimal-comma/kunden.csv", ALL),
    FlatCase("10-semicolon-decimal-comma/quoted_decimal_comma.csv", ALL),
    FlatCase("11-cp1252/kunden.csv", "Umsatz_€", roles=Roles("churn", "kunde")),
    FlatCase("12-brackets-in-names/customers.csv", "calls<30d>, spend, tenure [months]"),
    FlatCase(
        "13-after-the-fact/customers.csv",
        "churn_reason refused; contract_end refused; customer_status refused; churn_score to check",
    ),
    FlatCase("14-blank-after-comma/customers.csv", ALL),
    FlatCase("15-bom-crlf-gzip/customers.csv.gz", ALL),
    FlatCase("16-one-third-one-customer/rows.csv", "2,400 rows of 1,601 ids"),
    FlatCase("17-top-bucket/customers.csv", "words dependents"),
    FlatCase("18-excel-scientific-ids/customers.csv", "are rounded numbers such as 4.90E+12"),
    FlatCase("19-other-formats/customers.jsonl", ALL),
    *(
        FlatCase(f"19-other-formats/{name}.csv", ALL, roles=DATED)
        for name in ("time_ddmm", "time_yyyymm", "time_zone")
    ),
)

# Profile -> what its line contains.
SOURCES = {
    "20-quoted-newline/profile.yaml": "support_tickets 3 valid, 0 quarantined",
    "21-more-fields-than-header/profile.yaml": (
        "transactions 2 valid, 1 quarantined (1 the row has more fields than the header)"
    ),
    "22-parquet-nanoseconds/profile.yaml": "transactions 3 valid, 0 quarantined",
    "22-parquet-nanoseconds/utc.yaml": "transactions 3 valid, 0 quarantined",
    "23-parquet-null-column/profile.yaml": "transactions 6 valid, 0 quarantined",
    "23-parquet-null-column/undeclared.yaml": "transactions 6 valid, 0 quarantined",
    **{
        f"24-parquet-int-or-double/declared_{kind}.yaml": "transactions 6 valid, 0 quarantined"
        for kind in ("bigint", "double", "int")
    },
    **{
        f"25-parquet-undeclared-nested/{kind}.yaml": "transactions 2 valid, 0 quarantined"
        for kind in ("category", "clock", "list", "struct", "uint64", "waited")
    },
    "26-gzip-csv/profile.yaml": "transactions 2 valid, 0 quarantined",
    "27-file-names/brackets.yaml": "transactions 2 valid, 0 quarantined",
    "27-file-names/profile.yaml": "transactions 3 valid, 1 quarantined",
    **{f"28-cp1252-ids/{name}.yaml": "is not utf-8 text" for name in ("header", "late", "profile")},
    "29-unnamed-index/profile.yaml": "transactions 2 valid, 0 quarantined",
    "29-unnamed-index/trailing_comma.yaml": "transactions 1 valid, 0 quarantined",
    "29-unnamed-index/twice.yaml": "transactions 1 valid, 0 quarantined",
    "30-future-dates/profile.yaml": "transactions 2 valid, 2 quarantined",
    "31-old-mtime/profile.yaml": "transactions 40 valid, 0 quarantined",
    "31-old-mtime/zip_1980.yaml": "transactions 40 valid, 0 quarantined",
    "32-number-dates/profile.yaml": "transactions 1 valid, 6 quarantined",
    "33-strict-expressions/profile.yaml": "transactions 2 valid, 1 quarantined",
    "33-strict-expressions/division.yaml": "transactions 1 valid, 2 quarantined",
    "33-strict-expressions/double_colon.yaml": "transactions 0 valid, 3 quarantined",
    "34-json-lines/profile.yaml": (
        "transactions 2 valid, 2 quarantined (2 the line is not a JSON object)"
    ),
    "34-json-lines/other_case.yaml": "transactions 1 valid, 0 quarantined",
    "34-json-lines/pretty.yaml": "transactions 2 valid, 0 quarantined",
    "35-nan-customer/profile.yaml": "transactions 2 valid, 6 quarantined (6 customer_id is missing",
    "38-padded-ids/profile.yaml": "customers 2 valid, 0 quarantined",
    "39-same-day-orders/profile.yaml": "transactions 4 valid, 0 quarantined",
    "40-day-first-dates/profile.yaml": "transactions 1 valid, 2 quarantined",
    "40-day-first-dates/with_format.yaml": "transactions 3 valid, 0 quarantined",
    "41-daylight-saving/profile.yaml": "transactions 6 valid, 0 quarantined",
    "43-strange-ids/profile.yaml": "transactions 8 valid, 2 quarantined",
    "44-semicolon-profile/profile.yaml": "separated by ';'",
    "46-amount-texts/profile.yaml": "transactions 2 valid, 7 quarantined",
    "47-empty-days/profile.yaml": "transactions 2 valid, 0 quarantined",
    "48-parquet-number-ids/profile.yaml": "transactions 2 valid, 1 quarantined (1 customer_id",
    "48-parquet-number-ids/as_told.yaml": "transactions 2 valid, 1 quarantined (1 customer_id",
}
RUNS = (
    RunCase(
        "36-correction/profile.yaml",
        "transactions",
        ("transaction_id", "amount", "day(arrival_date)", "day(replaced_on)"),
        "1 10.0 6 None; 1 100.0 5 6; 2 40.0 5 None",
    ),
    RunCase(
        "36-correction/profile.yaml",
        "customers",
        ("customer_id", "plan", "day(arrival_date)", "day(replaced_on)"),
        "A basic 2 4; A premium 4 None; B basic 2 None",
    ),
    RunCase(
        "37-duplicate-across-runs/profile.yaml",
        "transactions",
        ("transaction_id", "amount", "day(arrival_date)", "day(replaced_on)"),
        "T1 100.0 20 None; T1 100.0 5 20; T2 40.0 5 None; T3 30.0 20 None",
    ),
    RunCase(
        "42-late-beyond-window/profile.yaml",
        "transactions",
        ("transaction_id", "day(event_ts)", "day(arrival_date)"),
        "1 5 5; 2 8 20; 3 14 20; 4 20 20",
    ),
    RunCase(
        "45-half-written/profile.yaml",
        "transactions",
        ("transaction_id", "day(arrival_date)"),
        "2-0 2; 2-1 2; 4-0 4; 4-1 4",
    ),
)
