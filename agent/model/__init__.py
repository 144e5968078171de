"""Asking a model about a pair: the task, the call, the reply read without guessing."""
