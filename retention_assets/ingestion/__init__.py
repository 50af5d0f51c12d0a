"""raw/*: sources, canonical table contracts, source profiles, and the embedded simulator."""
