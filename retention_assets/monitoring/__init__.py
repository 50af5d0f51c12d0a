"""monitoring/*: whether customers still look as in the champion's training, and when to retrain."""
