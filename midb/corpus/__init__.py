"""Corpora: how records lie in a file, where their texts are, and writing them back byte for byte."""
