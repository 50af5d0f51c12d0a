"""`retention source`: check a source profile, forget files."""
