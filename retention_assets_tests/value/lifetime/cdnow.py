"""The CDNOW sample of Fader, Hardie & Lee (2005): weeks 1 to 39 of 2,357 customers' purchases."""

from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from retention_assets.value.lifetime.purchases import PurchaseSummary, summarize_purchases


@cache
def cdnow_sample(data_dir: Path) -> PurchaseSummary:
    """Skips the test where the data set is missing."""
    file = data_dir / "cdnow" / "CDNOW_sample.txt"
    if not file.is_file():
        pytest.skip(f"no CDNOW sample in {data_dir}: set RETENTION_DATA_DIR to its folder")
    fields = [line.split() for line in file.read_text().splitlines() if line.strip()]
    return summarize_purchases(
        np.array([row[1] for row in fields]),
        np.array([f"{row[2][:4]}-{row[2][4:6]}-{row[2][6:]}" for row in fields], "datetime64[D]"),
        np.array([float(row[4]) for row in fields]),
        end=date(1997, 9, 30),
    )[1]
