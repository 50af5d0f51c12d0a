"""Asset keys, task names and gate names, each spelled once."""
