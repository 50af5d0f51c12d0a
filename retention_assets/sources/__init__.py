"""What a source is: canonical table contracts, source profiles, file formats and the listing of source files. No Dagster."""
