"""Two models asked the same questions, and a judge who does not know which answered which."""
