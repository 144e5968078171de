"""How the records of a corpus get their language: as the user says, declared, from their ids, or from their texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from midb.corpus.records import declared_language, undeclared_spelling
from midb.locales import LANGUAGES
from midb.text.languages import INDISTINGUISHABLE, LanguageIdentifier, same_language

#: The share of a sample that has to agree before one language is taken for the whole corpus.
AGREEMENT = 0.8

_PREFIX = re.compile(r"([a-z]{2})[-_:/.]")


@dataclass(frozen=True)
class LanguagePlan:
    """How a record's language is settled: ``fixed`` for all, else declared by the record, else by the prefix of its id
    (``by_prefix``), else the ``usual`` one of the corpus, else identified from its text."""

    fixed: str | None = None
    usual: str | None = None
    by_prefix: bool = False
    described: str = ""

    def expect(self, declared: str | None, key: str) -> str | None:
        """The language code of a record as far as it can be told without its text, else ``None``."""
        return self.fixed or declared or (prefix_of(key) if self.by_prefix else None) or self.usual

    def settle(self, declared: str | None, key: str, text: str, identifier: LanguageIdentifier) -> str:
        """The language code of one record, ``und`` where nothing can be said."""
        return self.expect(declared, key) or identifier.identify(text) or "und"


def prefix_of(key: str) -> str | None:
    """The language an id starts with, as in ``de-0417``; ``None`` where it starts with none of ours."""
    match = _PREFIX.match(key)
    return match.group(1) if match and match.group(1) in LANGUAGES else None


def plan_languages(
    parsed: Iterable[tuple[dict[str, Any], str, str]], language: str | None, identifier: LanguageIdentifier
) -> tuple[LanguagePlan, list[str]]:
    """How records get their language, from a sample of (record, id, text)."""
    if language:
        return LanguagePlan(fixed=language, described=f"{language} (as you say)"), []
    warnings = []
    rows = list(parsed)
    declared = Counter(filter(None, (declared_language(record) for record, _, _ in rows)))
    unknown = Counter(filter(None, (undeclared_spelling(record) for record, _, _ in rows)))
    if unknown:
        spelling = unknown.most_common(1)[0][0]
        warnings.append(
            f'"{spelling}" is no language midb-agent knows; such records are identified by their text '
            f"(known: {' '.join(LANGUAGES)})"
        )
    guesses = [(prefix_of(key), identifier.identify(text)) for _, key, text in rows]
    if declared.total() == len(rows):
        pairs = zip(rows, guesses, strict=True)
        agree = sum(same_language(declared_language(record), guess) for (record, _, _), (_, guess) in pairs)
        described = f"{_listed(declared)} (declared; {agree / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(described=described), warnings
    prefixes = Counter(prefix for prefix, _ in guesses if prefix)
    agree = sum(same_language(prefix, guess) for prefix, guess in guesses if prefix)
    if prefixes.total() == len(rows) and agree >= AGREEMENT * len(rows):
        described = f"{_listed(prefixes)} (from the ids; {agree / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(by_prefix=True, described=described), warnings
    found = Counter(guess for _, guess in guesses if guess)
    twins = Counter({code: count for code, count in found.items() if code in INDISTINGUISHABLE})
    usual, votes = found.most_common(1)[0] if found else ("und", 0)
    if usual in INDISTINGUISHABLE:
        votes = twins.total()
        if len(twins) > 1:
            warnings.append("Indonesian and Malay cannot be told apart for certain; settle it with --language id or ms")
    if votes >= AGREEMENT * len(rows) and usual in LANGUAGES:
        described = f"{usual} (identified; {votes / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(usual=usual, described=described), warnings
    return LanguagePlan(described=f"{_listed(found)} (identified record by record)"), warnings


def _listed(codes: Counter[str]) -> str:
    shown = [code for code, _ in codes.most_common(17)]
    return " ".join(shown) or "none"
