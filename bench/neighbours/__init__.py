"""What else a user would pick for the same job without a model, on the same pairs: speed, repairs, and harm."""
