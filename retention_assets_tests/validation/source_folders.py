"""A small source with a mistake of each kind, for the tests of `source check`."""

import json
from pathlib import Path
from typing import Any

DAY = r"(\d{4}-\d{2}-\d{2})\."
ORDERS = {
    "path": "orders/*.csv",
    "format": "csv",
    "day_from_filename": DAY,
    "source_columns": {
        "nr": "string",
        "who": "string",
        "time": "timestamp",
        "total": "double",
        "note": "string",
    },
    "columns": {
        "transaction_id": "nr",
        "order_id": "nr",
        "customer_id": "who",
        "event_ts": "time",
        "kind": "'sale'",
        "amount": "total",
    },
}
PEOPLE = ORDERS | {"derive": "first_seen", "columns": {"customer_id": "who", "event_ts": "time"}}
PROFILE: dict[str, Any] = {
    "start": "2024-01-01",
    "end": "2024-01-31",
    "churn": {"kind": "inactivity"},
    "max_quarantined_share": 0.5,
    "tables": {"transactions": ORDERS, "customers": PEOPLE},
}
DAYS = {
    "2024-01-02": ["1,ann,2024-01-02 10:00:00,5.5,,web", "2,bob,2024-01-02 11:00:00,7,gift,web"],
    "2024-01-03": ["3,ann,2024-01-03 10:00:00,soon,,web", "4,,2024-01-03 11:00:00,8,,web"],
    "2024-01-09": ["5,cid,2024-01-09 10:00:00,9.0,,web"],
    "2024-02-09": ["6,cid,2024-02-09 10:00:00,9.0,,web"],
}


def write_source(folder: Path, **changes: Any) -> Path:
    """Writes orders of three days in January and one in February, and a profile with `changes`,
    whose path it returns."""
    (folder / "orders").mkdir()
    for day, lines in DAYS.items():
        text = "\n".join(["nr,who,time,total,note,channel", *lines])
        (folder / "orders" / f"{day}.csv").write_text(text + "\n")
    path = folder / "shop.yaml"
    path.write_text(json.dumps(PROFILE | changes))
    return path
