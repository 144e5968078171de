"""What is program code in a text, and what its words are."""
