"""The states of a customer as of a day, by name.

The platform decides which of them a customer is in (`retention_assets/features/customer_state.py`);
what is published and answered carries it.
"""

ACTIVE = "active"
RETURNED = "returned"
LAPSED = "lapsed"
LEFT = "left"
UNKNOWN = "unknown"
CAN_LEAVE = (ACTIVE, RETURNED)  # trained on, tested on and scored
PUBLISHED = (*CAN_LEAVE, LAPSED, LEFT)  # their order is a part of the byte format of a vector
STATES = (*PUBLISHED, UNKNOWN)
