"""Letters that are written wrongly where that can be proved: in parts, by old characters, in a wrong order."""

from midb.detectors.translation.orthography.detector import KINDS, detect

__all__ = ["KINDS", "detect"]
