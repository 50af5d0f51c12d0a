"""Columns of a flat table as features: what kind each is, learned from training rows alone."""
