"""Evaluations in the log: what judges said, and what was found, chained like all else."""
