"""`retention source`: check a source profile."""
