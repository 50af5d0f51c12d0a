"""The learning machinery for any Task. Knows no Dagster, no Spark and no Settings."""
