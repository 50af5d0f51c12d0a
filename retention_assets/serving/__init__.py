"""What is online now: the published feature vectors and the champion's deployment."""
