"""Drafts: tokens that are guessed from the request's own text, and verified by the model."""
