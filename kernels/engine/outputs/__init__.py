"""What an output may hold, and where it ends."""
