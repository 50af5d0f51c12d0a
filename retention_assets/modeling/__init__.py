"""The learning machinery for any Task: splits, fits, calibration, evaluation, promotion. Knows no Dagster, no Spark, no Settings."""
