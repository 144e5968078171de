"""Wrong answers: what a task asks to be computed, what comes out, and what the response says."""

from midb.detectors.content.results.detector import KINDS, detect

__all__ = ["KINDS", "detect"]
