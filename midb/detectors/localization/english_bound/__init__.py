"""Tasks that work only in English: what their source asks for, and whether the translated pair still does it."""

from midb.detectors.localization.english_bound.detector import KINDS, detect

__all__ = ["KINDS", "detect"]
