"""Sequences, blocks, scheduling and drafting: what decides which rows a step computes, and what computes them."""
