"""An adapter trained on a GPU that is lent for minutes: what travels there, the training, and what it learnt."""
