"""The names of the customer segments.

The platform decides which of them a customer is in (`retention_assets/value/segments.py` says by
which rules); what is published and answered carries it.
"""

from typing import Literal, get_args

# A name's place is a part of the byte format of a vector: new ones come last, and one that is no
# longer used stays.
SegmentName = Literal[
    "left",
    "lapsed",
    "won_back",
    "newcomers",
    "yet_to_buy",
    "one_time_buyers",
    "overdue_big_spenders",
    "overdue",
    "cooling",
    "champions",
    "regulars",
    "occasional",
]
SEGMENT_NAMES: tuple[str, ...] = get_args(SegmentName)
