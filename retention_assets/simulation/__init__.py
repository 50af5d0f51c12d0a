"""The embedded source: a simulated subscription retailer, and the folders that hold it."""
