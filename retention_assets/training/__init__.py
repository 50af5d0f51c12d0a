"""training/*: the churn Task: labels, examples, candidates, the leaderboard and the champion."""
