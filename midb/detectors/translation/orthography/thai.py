"""Thai words whose vowels and tone marks are typed in an order or number that no word has, though they may look right.

A tone mark stands on the consonant: it is stored behind the consonant and its vowel above or below, and before a vowel
that follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from midb.detectors.translation.orthography.places import Place, Rule, replace_matches

_CONSONANT = "ก-ฮ"
_TONE = "\u0e48-\u0e4b"
#: Vowels above and below the consonant, and the sign of a short one.
_VOWEL_ABOVE = "\u0e31\u0e34-\u0e39\u0e47"
_NIKHAHIT, _AA, _AM, _SILENT = "\u0e4d", "\u0e32", "\u0e33", "\u0e4c"

_RULES: tuple[Rule, ...] = (
    # What compatibility normalization, and some keyboards, make of ำ.
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}])(?:{_NIKHAHIT}([{_TONE}]?)|([{_TONE}]){_NIKHAHIT}){_AA}(?![{_TONE}])"),
        lambda match: (match[1] or match[2] or "") + _AM,
        "ำ in two characters",
    ),
    # The same, drawn from right to left by some readers of PDF.
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}{_TONE}]){_AA}{_NIKHAHIT}(?![{_TONE}{_AA}])"),
        lambda match: _AM,
        "ำ in two characters",
    ),
    replace_matches(re.compile(f"(?<!เ)เเ(?=[{_CONSONANT}])"), lambda match: "แ", "two เ in place of แ"),
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}])([{_TONE}])([{_VOWEL_ABOVE}])(?![{_TONE}{_VOWEL_ABOVE}])"),
        lambda match: match[2] + match[1],
        "a tone mark before its vowel",
    ),
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}])([{_AA}{_AM}ะ])([{_TONE}])(?![{_TONE}{_VOWEL_ABOVE}{_AA}{_AM}ะ])"),
        lambda match: match[2] + match[1],
        "a tone mark behind the vowel that follows it",
    ),
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}])({_SILENT})([\u0e34\u0e38])(?![{_SILENT}{_TONE}])"),
        lambda match: match[2] + match[1],
        "a sign of silence before its vowel",
    ),
    # More than two of them are drawn out on purpose.
    replace_matches(
        re.compile(
            f"(?<=[{_CONSONANT}{_VOWEL_ABOVE}])([{_TONE}{_VOWEL_ABOVE}{_SILENT}])\\1(?![{_TONE}{_VOWEL_ABOVE}{_SILENT}])"
        ),
        lambda match: match[1],
        "a mark typed twice",
    ),
    replace_matches(
        re.compile(f"(?<=[{_CONSONANT}{_VOWEL_ABOVE}])([{_TONE}])(?!\\1)[{_TONE}](?![{_TONE}])"),
        lambda match: None,
        "two tone marks on one letter",
    ),
)

#: Something of what the rules are about: two marks or vowels in a row, in an order that no word has.
_ANY = re.compile(
    f"เเ|{_NIKHAHIT}|[{_TONE}{_SILENT}][{_TONE}{_VOWEL_ABOVE}]|[{_AA}{_AM}ะ][{_TONE}]|([{_VOWEL_ABOVE}{_SILENT}])\\1"
)


def find_in_thai(text: str) -> Iterator[Place]:
    """Every place of a text.

    >>> [place.after for place in find_in_thai("สนามหญ\\u0e32\\u0e49 เเมว น\\u0e4d\\u0e49\\u0e32")]
    ['้ำ', 'แ', '้า']
    """
    if _ANY.search(text):
        for rule in _RULES:
            yield from rule(text)
