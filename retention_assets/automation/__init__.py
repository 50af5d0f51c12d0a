"""What starts runs: conditions, schedules, sensors, and `retention run`. Computes no data."""
