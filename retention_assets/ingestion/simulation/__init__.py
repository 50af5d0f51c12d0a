"""The simulated retailer, one module an idea: its calendar, its customers, what they do, and how rows arrive."""
