"""features/catalog: every declared feature with its state today, made after the drift report."""
