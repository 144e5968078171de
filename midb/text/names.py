"""Names in a text, as far as capitals and scripts show them. Knows no list of names.

Nothing here proves a name. Who compares two versions of a text sees what one of them has and the other has not.
"""

from __future__ import annotations

from collections.abc import Sequence

import regex

from midb.locales import Locale
from midb.text.words import function_words

#: Above this share of capitalised words a text is a list of names or titles.
_NAMES_SHARE = 0.6

#: A capitalised word that begins no sentence, line, item or quotation; and words in capitals anywhere.
_CAPITALISED = regex.compile(
    r"(?<=[\p{L}\p{N},;)\-–—] )\p{Lu}[\p{Ll}\p{M}]{2,}(?:-\p{Lu}\p{Ll}+)?|(?<![\p{L}\p{N}])\p{Lu}{4,}(?![\p{L}\p{N}])"
)
_LATIN_WORD = regex.compile(r"(?<![\p{Latin}\p{N}_])\p{Latin}{3,}(?![\p{Latin}\p{N}_])")


def are_names(words: Sequence[str], code: str = "en") -> bool:
    """Whether words are names or the words of titles: capitalised, but for the words of grammar between them.

    >>> are_names(["Lord", "of", "the", "Rings"]), are_names(["the", "Rings", "are", "lost"])
    (True, False)
    """
    grammar = function_words("en") | function_words(code)
    content = [word for word in words if word.lower() not in grammar]
    return sum(word[0].isupper() for word in content) > _NAMES_SHARE * len(content)


def find_names(text: str, locale: Locale) -> list[str]:
    """What looks like a name in a text of this language, once each and in order.

    In scripts without capitals these are words in Latin letters. German capitalises every noun, so that only words all
    in capitals count there.
    """
    if "Latin" in locale.scripts or locale.script in ("Cyrillic", "Greek"):
        words: list[str] = _CAPITALISED.findall(text)
        if locale.code == "de":
            words = [word for word in words if word.isupper()]
        if "Latin" not in locale.scripts:
            words += _LATIN_WORD.findall(text)
    else:
        words = _LATIN_WORD.findall(text)
    return list(dict.fromkeys(words))
