"""What a score is worth on labeled rows: metrics, intervals, baselines, the leaderboard."""
