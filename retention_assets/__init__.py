"""The retention asset graph: one folder a stage, data flows from ingestion down to monitoring."""
