"""Published feature vectors: read from Redis, or from the last snapshot on disk."""
