"""Lengths that were asked for and missed: words, sentences, lines, paragraphs, characters."""

from midb.detectors.content.lengths.detector import KINDS, detect

__all__ = ["KINDS", "detect"]
