"""How instructions ask, and of which region words are. Knows no defect.

One form is as good as the other: familiar or polite, the infinitive or a verbal noun, Brazil's words or Portugal's.
Several of them in one corpus are what its readers notice, so that they are counted.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from dataclasses import dataclass, field

from midb.locales import LocaleSection, load


class InstructionForms(LocaleSection, table="instruction_forms"):
    """Names of forms and the patterns that show them, each in pieces that follow each other."""

    patterns: dict[str, tuple[str, ...]]

    @functools.cached_property
    def compiled(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple((name, re.compile("".join(pieces))) for name, pieces in self.patterns.items())


class RegionalWords(LocaleSection, table="regional_words"):
    """Names of regions and the patterns of words and spellings that only one of them has, in pieces."""

    patterns: dict[str, tuple[str, ...]]

    @functools.cached_property
    def compiled(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        return tuple((name, re.compile("".join(pieces), re.IGNORECASE)) for name, pieces in self.patterns.items())


#: Characters of a text in which words of a region are looked for.
_REGIONAL = 4_000
#: Characters of an instruction that are looked at: what follows may be a text of its own.
_BEGINNING = 200
#: A form that fewer of the instructions have is a slip, and no habit of a corpus.
_LEAST_SHARE = 0.03
#: Of fewer instructions nobody says that they are mixed.
_LEAST = 20


def find_forms(instruction: str, language: str) -> tuple[str, ...]:
    """The forms of an instruction in a language, by name; none where nothing shows one, or nothing is known of them.

    >>> find_forms("Nennen Sie drei Farben.", "de"), find_forms("Nenne drei Farben.", "de")
    (('Sie',), ('du',))
    """
    section = load(language).get(InstructionForms)
    if section is None:
        return ()
    first = instruction.strip().partition("\n")[0][:_BEGINNING]
    return tuple(name for name, pattern in section.compiled if pattern.search(first))


def find_regions(text: str, language: str) -> tuple[str, ...]:
    """The regions that a text has words of, by name; none where nothing shows one, or nothing is known of them.

    >>> find_regions("O ônibus chegou.", "pt"), find_regions("O autocarro chegou.", "pt")
    (('Brasil',), ('Portugal',))
    """
    section = load(language).get(RegionalWords)
    if section is None:
        return ()
    return tuple(name for name, pattern in section.compiled if pattern.search(text, 0, _REGIONAL))


@dataclass
class FormTally:
    """Forms by language, counted as they come; takes no more room however many they are."""

    _forms: dict[str, Counter[str]] = field(default_factory=dict)
    _several: Counter[str] = field(default_factory=Counter)

    def add(self, forms: tuple[str, ...], language: str) -> None:
        """Count the forms of one text in."""
        if forms:
            self._forms.setdefault(language, Counter()).update(forms)
            self._several[language] += len(forms) > 1

    def describe(self) -> list[str]:
        """A line for each language that has several forms, the commonest first."""
        return [line for language in sorted(self._forms) if (line := self._describe(language))]

    def _describe(self, language: str) -> str:
        counted = self._forms[language]
        most = counted.most_common()
        if counted.total() < _LEAST or len(most) < 2 or most[1][1] < _LEAST_SHARE * counted.total():
            return ""
        listed = ", ".join(f"{number:,} {name}" for name, number in most)
        several = f"; {self._several[language]:,} several at once" if self._several[language] else ""
        return f"{language}: {listed}{several}"
