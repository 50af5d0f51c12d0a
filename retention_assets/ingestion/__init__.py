"""raw/*: a source's files in canonical columns, broken rows included."""
