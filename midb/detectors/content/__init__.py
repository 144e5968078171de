"""Detectors of errors that came with the English data."""
