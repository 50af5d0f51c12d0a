"""Rows that arrive all day long: how they are delivered, and where they wait for the daily run."""
