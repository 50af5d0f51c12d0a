"""Columns that a profile's expression names, and its try-casts: from the text alone, no Spark."""

import pytest

from retention_assets.sources.expressions import can_fail, names_in, safe_cast, with_try_casts


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("CustomerID", {"CustomerID"}),
        ("`order total` * 2", {"order total"}),
        ("split_part(CustomerID, '.', 1)", {"CustomerID"}),
        (
            "CASE WHEN InvoiceNo LIKE 'C%' OR Quantity < 0 THEN 'return' ELSE 'sale' END",
            {"InvoiceNo", "Quantity"},
        ),
        ("'it''s not a name'", set()),
        (r"concat('a\'b', plan)", {"plan"}),
        ('"text" || plan', {"plan"}),
        ("cast(total AS decimal(10, 2))", {"total"}),
        ("timestamp '2024-01-01 00:00:00'", set()),
        ("day - INTERVAL 3 DAYS", set()),
        ("`day` - INTERVAL 3 DAYS", {"day"}),
        ("1.5e3 + amount", {"amount"}),
        ("x IS NOT NULL AND y BETWEEN 1 AND 2", {"x", "y"}),
        ("transform(items, item -> item.price)", set()),  # it defines a name: Spark checks it
        ("true", set()),
    ],
)
def test_names_in_finds_the_columns(sql: str, names: set[str]) -> None:
    assert names_in(sql) == names


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("date", {"date"}),
        ("to_timestamp(Date)", {"Date"}),
        ("cast(time AS date)", {"time"}),
        ("cast(time AS DATE) < DATE '2024-01-01'", {"time"}),
        ("date - INTERVAL 3 DAYS", {"date"}),
        ("CASE WHEN day IS NULL THEN date ELSE day END", {"date", "day"}),
    ],
)
def test_sql_word_is_a_column_if_declared(sql: str, names: set[str]) -> None:
    assert names_in(sql, ["date", "Day", "time"]) == names


@pytest.mark.parametrize(
    ("strict", "expected"),
    [
        ("cast(total AS string)", "try_cast(total AS string)"),
        ("CAST (total AS string)", "try_cast(total AS string)"),
        ("lower(a)::string || 'b::c'", "try_cast(lower(a) AS string) || 'b::c'"),
        ("cast(total AS double)", safe_cast("total", "double")),
        ("total::int", safe_cast("total", "int")),
        ("churned::boolean", safe_cast("churned", "boolean")),
        ("to_timestamp(time)", safe_cast("time", "timestamp")),
        ("to_timestamp(time, 'd.M.y')", "try_to_timestamp(time, 'd.M.y')"),
        ("to_date(time, 'd.M.y')", "try_to_date(time, 'd.M.y')"),
        ("broadcast(total)", "broadcast(total)"),
        ("total", "total"),
    ],
)
def test_with_try_casts_replaces_failing_casts(strict: str, expected: str) -> None:
    assert with_try_casts(strict) == expected


@pytest.mark.parametrize(
    ("sql", "fails"),
    [
        ("total / units", True),
        ("total / nullif(units, 0)", False),
        ("customer::int", True),
        ("to_date(time, 'd.M.y')", True),
        ("try_cast(total AS double)", False),
        ("concat(a, '/', b)", False),
    ],
)
def test_can_fail_knows_failing_operations(sql: str, fails: bool) -> None:
    assert can_fail(sql) is fails
