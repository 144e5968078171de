"""What a person's own text must keep, and what is said where it does not: people slip, too."""

from __future__ import annotations

from collections import Counter

from midb.domain.errors import UsageError
from midb.review.showing import Passage, Shown
from midb.text.protection import find_protected_spans
from midb.text.rendering import shorten

#: Characters shown on both sides of a text that repeats them.
_BESIDE = 30

#: Characters of a word that nobody repeats by chance.
_NO_CHANCE = 3

#: Most characters of a note or of a right text.
MOST_CHARACTERS = 20_000


def check_text(shown: Shown, text: str) -> str | None:
    """Why a text cannot stand in the place of an edit or a finding, in one sentence; None where it can."""
    if len(text) > MOST_CHARACTERS:
        return f"The text has {len(text):,} characters; at most {MOST_CHARACTERS:,} are taken."
    if any(ord(c) in _CONTROLS or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        return "The text holds a control character."
    place = shown.after or shown.before
    if not (place.left + text + place.right).strip() and place.whole.strip():
        return f"The {shown.field.value} would be empty."
    if _repeats(place, text):
        return (
            f'The text would read "{shorten(place.left[-_BESIDE:] + text + place.right[:_BESIDE], False)}": it repeats '
            f'what stands beside. Give only what comes in the place of "{shorten(place.text, False)}".'
        )
    lost = _count_spans(place.text) - _count_spans(text) if place.text else Counter()
    if lost:
        return f"{', '.join(list(lost)[:3])} is missing: placeholders, addresses and code stay as they are."
    return None


def check_reviewer(name: str) -> str:
    """A reviewer's name, or UsageError."""
    name = name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        raise UsageError("a reviewer needs a name of 1 to 80 characters.", hint="Name yourself with --reviewer NAME.")
    return name


def _repeats(place: Passage, text: str) -> bool:
    """Whether somebody typed a whole word or sentence where a part of it is asked for: 3,25 for the comma in 3,5.

    Both neighbours are repeated then, up to the beginning of a word on the left and the end of one on the right.
    """
    if text in (place.text, "") or len(text) <= len(place.text):
        return False
    begins = [at for at in range(len(place.left)) if at == 0 or not place.left[at - 1].isalnum()]
    ends = [at for at in range(1, len(place.right) + 1) if not place.right[at : at + 1].isalnum()]
    left = max((len(part) for at in begins if (part := place.left[at:]).strip() and text.startswith(part)), default=0)
    right = max((at for at in ends if (part := place.right[:at]).strip() and text.endswith(part)), default=0)
    if left and right:
        return left + right <= len(text)
    # At the beginning or the end of a word there is one neighbour to repeat, and chance is told from it by its length.
    only_left, only_right = place.left[-1:].isalnum(), place.right[:1].isalnum()
    return only_left is not only_right and (left if only_left else right) >= _NO_CHANCE


def _count_spans(text: str) -> Counter[str]:
    return Counter(text[span.start : span.end] for span in find_protected_spans(text))


#: Control characters that no text needs; line feeds and tabs are none of them.
_CONTROLS = frozenset(range(32)) - {9, 10, 13} | {127}
