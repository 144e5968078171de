"""Models that answer questions, one after another, within one budget."""
