"""Sequences, pages, scheduling and drafting: what decides which rows a step computes."""
