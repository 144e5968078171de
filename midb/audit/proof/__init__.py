"""Proving a log: hash chains, and every record replayed from its original text."""
