"""Detectors of what machine translation broke."""
