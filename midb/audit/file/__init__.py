"""The file of a log: its tables and migrations, what each hash covers, the lock beside it, and how it is opened."""
