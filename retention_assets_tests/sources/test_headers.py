"""Columns and types of a file, from its header or footer; profiles that declare others fail."""

import json
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import write_deltalake

from retention_assets.errors import ProfileError, SchemaChangedError
from retention_assets.settings import Settings
from retention_assets.sources.headers import header_of, readable_as
from retention_assets.sources.load_profile import load_profile

ORDERS = pa.table(
    {
        "order": ["1"],
        "customer": pa.array(["ann"]).dictionary_encode(),
        "time": pa.array([datetime(2024, 1, 2, 10)], pa.timestamp("us", tz="UTC")),
        "local": pa.array([datetime(2024, 1, 2, 10)], pa.timestamp("ms")),
        "total": pa.array([Decimal("5.00")], pa.decimal128(10, 2)),
        "units": pa.array([1], pa.int32()),
        "day": [date(2024, 1, 2)],
        "paid": [True],
    }
)
TYPES = (
    "string",
    "string",
    "timestamp",
    "timestamp_ntz",
    "decimal(10,2)",
    "int",
    "date",
    "boolean",
)


def test_parquet_header_has_spark_types(tmp_path: Path) -> None:
    pq.write_table(ORDERS, tmp_path / "orders.parquet")
    assert header_of(tmp_path / "orders.parquet", "parquet") == tuple(
        zip(ORDERS.column_names, TYPES, strict=True)
    )


def test_delta_header_equals_parquet_header(tmp_path: Path) -> None:
    plain = ORDERS.drop_columns(["local"])
    write_deltalake(
        str(tmp_path / "orders"),
        plain.set_column(1, "customer", plain["customer"].cast(pa.string())),
    )
    types = dict(zip(ORDERS.column_names, TYPES, strict=True))
    assert dict(header_of(tmp_path / "orders", "delta")) == {
        name: types[name] for name in plain.column_names
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b"order,total\n1,5\n", ["order", "total"]),
        (
            b'\xef\xbb\xbforder,"total, net"\r\n',
            ["order", "total, net"],
        ),  # as spreadsheets write it
        (b"", []),
    ],
)
def test_csv_header_has_names_and_only_strings(
    tmp_path: Path, text: bytes, names: list[str]
) -> None:
    (tmp_path / "orders.csv").write_bytes(text)
    assert header_of(tmp_path / "orders.csv", "csv") == tuple((name, "string") for name in names)


@pytest.mark.parametrize("file_format", ["parquet", "delta"])
def test_file_of_another_format_is_refused(tmp_path: Path, file_format: str) -> None:
    (tmp_path / "orders").write_text("order,total\n")
    with pytest.raises(ProfileError, match=r"orders is not a (Parquet file|Delta table)"):
        header_of(tmp_path / "orders", file_format)


@pytest.mark.parametrize(
    ("actual", "declared", "readable"),
    [
        ("int", "bigint", True),
        ("bigint", "int", True),  # by value: what does not fit is unreadable
        ("float", "double", True),
        ("bigint", "double", True),
        ("string", "double", False),
        ("timestamp_ntz", "timestamp", True),
        ("bigint", "long", True),
        ("decimal(10,2)", "decimal(10, 2)", True),
        ("decimal(10,2)", "decimal(10,4)", True),
        ("double", "string", True),
        ("null", "string", True),
    ],
)
def test_readable_as_refuses_lossy_types(actual: str, declared: str, readable: bool) -> None:
    assert readable_as(actual, declared, "parquet") is readable
    assert readable_as("string", declared, "csv")


def profile(folder: Path, path: str, **changes: object) -> Settings:
    """A shop whose customers are in `path`."""
    customers = {
        "path": path,
        "format": "parquet",
        "source_columns": {"customer": "string", "time": "timestamp", "units": "int"},
        "columns": {"customer_id": "customer", "event_ts": "time"},
    }
    events = {**customers, "columns": {**customers["columns"], "churn_type": "'canceled'"}}
    tables = {"customers": customers | changes, "churn_events": events}
    content = {
        "start": "2024-01-01",
        "end": "2024-12-31",
        "churn": {"kind": "cancellation"},
        "tables": tables,
    }
    (folder / "shop.yaml").write_text(json.dumps(content, default=str))  # JSON is YAML
    return Settings(home=folder / "home", source=str(folder / "shop.yaml"))


@pytest.mark.parametrize(
    ("file", "fault"),
    [
        (ORDERS.set_column(5, "units", pa.array(["one"])), "column units is string, declared int"),
        (
            ORDERS.drop_columns(["units"]),
            "column units is missing (the file has order, customer, time, local, total, day, paid)",
        ),
        (ORDERS.drop_columns(["units", "time"]), "column time is missing"),
    ],
)
def test_changed_columns_are_refused_with_place_and_fix(
    tmp_path: Path, file: pa.Table, fault: str
) -> None:
    pq.write_table(file, tmp_path / "orders.parquet")
    with pytest.raises(SchemaChangedError) as refused:
        load_profile(profile(tmp_path, "orders.parquet"))
    assert (
        refused.value.problem.startswith("Profile shop, table customers, file orders.parquet: ")
        and fault in refused.value.problem
    )
    assert (
        refused.value.fix
        == "Correct tables.customers.source_columns, or have the source send what it declares."
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"day_from_filename": "(unclosed"},
            "day_from_filename is not a regular expression with one group (",
        ),
        (
            {"where": "status = 'paid'"},
            "column where: `status = 'paid'` names status, which is not declared",
        ),
        (
            {"format": "excel"},
            "tables.customers.format: Value error, Excel workbooks are not read; save each sheet",
        ),
    ],
)
def test_invalid_table_entries_are_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    pq.write_table(ORDERS, tmp_path / "orders.parquet")
    with pytest.raises(ProfileError) as refused:
        load_profile(profile(tmp_path, "orders.parquet", **changes))
    assert (
        "Profile shop" in refused.value.problem
        and message in refused.value.problem
        and refused.value.fix
    )


def test_missing_folder_and_invalid_yaml_are_refused(
    tmp_path: Path,
) -> None:
    settings = profile(tmp_path, "orders.parquet").model_copy(
        update={"data_dir": tmp_path / "nowhere"}
    )
    with pytest.raises(
        ProfileError,
        match=r"Profile shop: its data folder .*nowhere does not exist.*RETENTION_DATA_DIR",
    ):
        load_profile(settings)
    (tmp_path / "shop.yaml").write_text("tables: [")
    with pytest.raises(
        ProfileError, match=r"(?s)Profile shop: the file is not YAML.*Correct .*shop\.yaml"
    ):
        load_profile(settings)
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(["customers"]))
    with pytest.raises(ProfileError, match=r"Profile shop: not a mapping"):
        load_profile(settings)
