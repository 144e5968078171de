"""File formats of a corpus: JSON Lines, JSON, tables, Parquet, Arrow, compressed or not, and folders of them."""
