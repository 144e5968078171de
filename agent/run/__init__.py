"""A run from the opened corpus to the finished output: sessions, worker processes, resuming, forecasts."""
