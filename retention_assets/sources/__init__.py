"""What a source is: table contracts, profiles, file headers, listing of files. No Dagster."""
