"""What may be smuggled into a text or through it: ways that lead out, hidden characters, hidden orders."""
