"""features/*: daily tiles per customer, and the declared features that are read from them at a point in time."""
