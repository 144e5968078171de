"""What generates text: the protocol that the passes know, and its implementations."""
