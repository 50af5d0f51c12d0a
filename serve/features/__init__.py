"""Where feature vectors come from: Redis first, the last snapshot on disk otherwise."""
