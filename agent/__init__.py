"""The state machine that takes one pair through the passes, and the runner that takes a corpus through it."""
