"""Model folders: their card, their loaders and the scores computed from them. No I/O but reading the folder."""
