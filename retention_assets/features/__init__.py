"""features/*: daily tiles per customer, and features computed from them at a point in time."""
