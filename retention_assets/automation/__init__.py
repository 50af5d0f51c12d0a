"""What runs when: conditions, jobs, schedules, sensors, the backlog, and bringing the graph up to date."""
