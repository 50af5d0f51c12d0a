"""Rows counted by a whole number while they are read or written, without a reading of their own."""

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class CountsByNumber:
    """Counts a frame's rows by `number`, which has at most so many different `values`. `frame` has
    the same rows, and must be read exactly once before the counts are asked for.
    """

    def __init__(self, rows: "DataFrame", number: "Column", values: int) -> None:
        from pyspark.sql import Observation
        from pyspark.sql import functions as F

        self._observation = Observation()
        # An observation cannot group. With a bin for every value a histogram is a count by value.
        by_number = F.histogram_numeric(number.cast("double"), F.lit(values + 1))
        self.frame = rows.observe(self._observation, by_number.alias("counts"))

    def rows(self) -> Counter[int]:
        """Number -> rows; numbers without rows are absent."""
        counts: Counter[int] = Counter()
        for entry in self._observation.get["counts"] or ():
            # Where tasks share a number, its bin lies a rounding error beside it.
            counts[round(entry["x"])] += int(entry["y"])
        return counts
