"""The candidate models: `declared.py` lists them, each other module fits one kind."""
