"""What it costs to put shards together."""
