"""The audit of a training set: whether its features hold only what was known on their day, and
whether the audit itself would see that they do not. Knows no Dagster.
"""
