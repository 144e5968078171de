"""Runs on many machines, on the command line."""
