"""Two corpora, pair by pair, before a judge who is not told which is which."""
