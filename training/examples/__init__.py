"""Examples: what a pass would be asked about a pair, and what a good booster would reply."""
