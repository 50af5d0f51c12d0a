"""What the retention team acts on: every customer's score with reasons and recommended actions."""
