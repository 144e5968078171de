"""Commands that make what checkers are measured with, and what boosters learn from."""
