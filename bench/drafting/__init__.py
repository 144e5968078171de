"""Texts that the benchmarks of drafts are made of."""
