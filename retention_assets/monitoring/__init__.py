"""monitoring/*: whether the champion still sees the world that it was trained on, and whether to train again."""
