"""What the script of a text says of its language. Latin script makes none certain, and few languages have one alone."""

from __future__ import annotations

import re
from collections import Counter

from midb.text.forms.chinese import CHINESE_WORDS

# Letters by script; each group bears the code of the language that the script speaks for. Kana speaks for Japanese,
# however many Chinese characters stand around it.
_LETTERS = re.compile(
    r"(?P<en>[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+)|(?P<ru>[\u0400-\u052f]+)|(?P<el>[\u0370-\u03ff\u1f00-\u1fff]+)"
    r"|(?P<ar>[\u0620-\u065f\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f]+)|(?P<th>[\u0e00-\u0e4e]+)"
    r"|(?P<ko>[\uac00-\ud7a3\u1100-\u11ff]+)|(?P<ja>[\u3041-\u30ff]+)|(?P<zh>[\u3400-\u4dbf\u4e00-\u9fff]+)"
)
_NOT_LATIN = re.compile(r"[\u0370-\u1cff\u1f00-\u1fff\u2c80-\ufdff\U00010000-\U0003ffff]")
#: A syllable or ideograph says as much as two letters of an alphabet.
_WEIGHT = Counter({"ko": 2, "ja": 2, "zh": 2})
_OTHER_SCRIPTS = frozenset({"ru", "el", "ar", "th", "ko"})


def tell_by_script(sample: str) -> tuple[str | None, bool]:
    """The language that the script makes certain, and whether the text is in Latin script, which makes none certain."""
    if sample.isascii() or not _NOT_LATIN.search(sample):
        return None, True
    letters: Counter[str] = Counter()
    for match in _LETTERS.finditer(sample):
        code = match.lastgroup or ""
        letters[code] += len(match.group()) * (_WEIGHT[code] or 1)
    latin = letters.pop("en", 0)
    others = sum(letters.values())
    if latin > 5 * others:
        return None, True
    if latin * 3 > 2 * others or not others:
        return None, False
    code, count = letters.most_common(1)[0]
    if code in _OTHER_SCRIPTS:
        return (code if count > 0.8 * others else None), False
    if letters["ja"] + letters["zh"] > 0.8 * others:
        if letters["ja"] * 10 >= letters["zh"]:
            return "ja", False
        if not letters["ja"] and len(set(CHINESE_WORDS.findall(sample))) >= 2:
            return "zh", False
    return None, False
