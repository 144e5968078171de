"""`midb-agent audit`: questions to a log, and how the answers look on a terminal."""
