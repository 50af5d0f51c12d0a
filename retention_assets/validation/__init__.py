"""validated/*: the rows that obey every rule; quarantine/*: the others, with reasons."""
