"""Stage training/*: labels, examples, candidates, calibration, the leaderboard and the promotion of a champion."""
