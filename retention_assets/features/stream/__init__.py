"""Vectors of the customers whose rows arrive all day long, by the same code as the daily run."""
