"""Trains an adapter on encoded examples: batches, loss, states that can be resumed, and what comes out of it."""
