"""The audit log: one SQLite file that says what was decided about every record, and proves it."""
