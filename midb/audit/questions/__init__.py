"""What auditors ask a log: which records, what was done to them, what is left, what a model took, what differs."""
