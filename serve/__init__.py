"""The HTTP application that Ray Serve runs. It imports nothing from the platform."""
