"""What a booster learned: its replies on held-out examples, held against what they should be, next to its base."""
