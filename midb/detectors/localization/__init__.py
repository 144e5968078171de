"""Detectors of what still follows English conventions."""
