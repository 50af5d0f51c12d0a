"""The `retention` command: one module a group of commands, each cheap to import."""
