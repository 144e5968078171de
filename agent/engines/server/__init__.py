"""Models behind OpenAI-compatible servers: what is sent, what is read, how many at once, and what a silence means."""
