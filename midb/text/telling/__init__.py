"""By what the language of a text is told: its script, its own letters, its words of grammar."""
