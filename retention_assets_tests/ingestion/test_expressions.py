"""What an expression of a profile names, and its casts made lenient: told from the text alone, without Spark."""

import pytest

from retention_assets.ingestion.expressions import lenient, names_in


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("CustomerID", {"CustomerID"}),
        ("`order total` * 2", {"order total"}),
        ("split_part(CustomerID, '.', 1)", {"CustomerID"}),
        ("CASE WHEN InvoiceNo LIKE 'C%' OR Quantity < 0 THEN 'return' ELSE 'sale' END", {"InvoiceNo", "Quantity"}),
        ("'it''s not a name'", set()),
        (r"concat('a\'b', plan)", {"plan"}),
        ('"text" || plan', {"plan"}),
        ("cast(total AS decimal(10, 2))", {"total"}),
        ("day - INTERVAL 3 DAYS", set()),  # `day` is a word of SQL: a column of that name is quoted
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
    assert lenient(strict) == mild
