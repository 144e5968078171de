"""False equations: where a claim stands, whether it can be true, and what would be right."""

from midb.detectors.content.equations.detector import KINDS, detect

__all__ = ["KINDS", "detect"]
