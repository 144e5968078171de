"""JSON files that are one object: a list of records under a key, or columns."""
