"""What an expression of a profile names, and its casts made lenient: told from the text alone, without Spark."""

import pytest

from retention_assets.sources.expressions import names_in, with_try_casts


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
        ("transform(items, item -> item.price)", set()),  # names of its own: Spark is the judge
        ("true", set()),
    ],
)
def test_the_columns_that_an_expression_names(sql: str, names: set[str]) -> None:
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
def test_a_word_of_sql_is_a_column_where_one_of_that_name_is_declared(
    sql: str, names: set[str]
) -> None:
    assert names_in(sql, ["date", "Day", "time"]) == names


@pytest.mark.parametrize(
    ("strict", "mild"),
    [
        ("cast(total AS double)", "try_cast(total AS double)"),
        ("CAST (total AS double)", "try_CAST(total AS double)"),
        ("to_timestamp(time, 'd.M.y')", "try_to_timestamp(time, 'd.M.y')"),
        ("try_cast(total AS double)", "try_cast(total AS double)"),
        ("broadcast(total)", "broadcast(total)"),
        ("total", "total"),
    ],
)
def test_a_cast_that_would_end_the_read_gives_null(strict: str, mild: str) -> None:
    assert with_try_casts(strict) == mild
