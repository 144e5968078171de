"""File formats of a corpus: JSON Lines, JSON arrays, Parquet, Arrow, compressed or not."""
