"""What a person's own text must keep, and what is said where it does not: people slip, too."""

from __future__ import annotations

from collections import Counter

from midb.domain.errors import UsageError
from midb.review.showing import Shown
from midb.text.protection import find_protected_spans

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


def _count_spans(text: str) -> Counter[str]:
    return Counter(text[span.start : span.end] for span in find_protected_spans(text))


#: Control characters that no text needs; line feeds and tabs are none of them.
_CONTROLS = frozenset(range(32)) - {9, 10, 13} | {127}
