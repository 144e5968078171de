"""How much a model may change: the bounds of each pass, and those for pairs that try to steer their reader."""

from __future__ import annotations

from dataclasses import dataclass

from midb.domain.decisions import Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one pass may do to one field.

    ``shortest``, ``longest``: its length after, in lengths before. ``slack``: characters by which it may shrink or grow
    besides. ``kept``: the share of its words (in scripts without blanks: of its characters) that must still be there,
    in order. ``names``, ``numbers``: how many new ones at most. ``lost_numbers``: how many may go. ``code``: code,
    LaTeX and tags may come and go; addresses and placeholders never may.
    """

    shortest: float
    longest: float
    slack: int
    kept: float
    names: int
    numbers: int
    lost_numbers: int
    code: bool


#: The bounds of each pass. Those of the content pass were set on expert revisions (MEB, 150 in each of 13 languages),
#: which change more than any pass should: 93 % of them stay within the bounds. What an expert wrote from scratch is no
#: edit, and does not.
BOUNDS = {
    Pass.CONTENT: Bounds(
        shortest=0.3, longest=3.5, slack=1200, kept=0.12, names=12, numbers=40, lost_numbers=40, code=True
    ),
    Pass.TRANSLATION: Bounds(
        shortest=0.5, longest=1.8, slack=60, kept=0.3, names=2, numbers=0, lost_numbers=0, code=False
    ),
    Pass.LOCALIZATION: Bounds(
        shortest=0.6, longest=1.6, slack=60, kept=0.4, names=6, numbers=6, lost_numbers=6, code=False
    ),
}

#: The bounds of every pass on a pair with a passage that tries to steer its reader: the model may have obeyed it.
STRICT = Bounds(shortest=0.85, longest=1.15, slack=20, kept=0.8, names=0, numbers=0, lost_numbers=0, code=False)
