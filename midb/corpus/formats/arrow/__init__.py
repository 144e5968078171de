"""Parquet and Arrow files: columns whose texts are read and written, and nothing else of them. Needs pyarrow."""
