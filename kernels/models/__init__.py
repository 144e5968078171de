"""Decoder-only models from checkpoints in the hub's layout."""
