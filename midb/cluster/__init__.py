"""One corpus on many machines: cut into shards, each run by an ordinary run somewhere, then merged."""
