"""Model folders: the card, the model files, and the scores computed from them."""
