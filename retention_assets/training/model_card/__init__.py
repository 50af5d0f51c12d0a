"""What is known of a registered model: its record, and the card that people read."""
