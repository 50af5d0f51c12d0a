"""value/*: what customers are worth."""
