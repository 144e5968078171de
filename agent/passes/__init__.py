"""The nodes of the state machine."""
