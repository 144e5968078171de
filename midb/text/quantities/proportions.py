"""How long a translation is for its English source: every language needs more or fewer characters to say the same."""

from __future__ import annotations

from midb.locales import Locale, LocaleSection


class TranslationLength(LocaleSection, table="translation_length"):
    """``ratio``: characters of a text in this language for one of its English source, the median of many pairs."""

    ratio: float


def compare_lengths(text: str, source: str, locale: Locale) -> float | None:
    """How many times as long as expected a translation is; ``None`` for a language of which nothing is known.

    >>> from midb.locales import load
    >>> compare_lengths("x" * 119, "y" * 100, load("de")), compare_lengths("x", "y", load("nl"))
    (1.0, None)
    """
    section = locale.get(TranslationLength)
    if section is None or not source.strip():
        return None
    return len(text.strip()) / section.ratio / len(source.strip())
