"""Does a model become better by a boosted corpus? Students of the corpus as it was, boosted, and edited at random."""
