"""The champion: which recipe holds, and the model that is made of it."""
