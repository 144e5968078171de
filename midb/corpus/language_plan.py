"""How the records of a corpus get their language: as the user says, declared, from their ids, or from their texts.

What is said is held against the texts: a record that reads as a language which is none of ours is not treated as one
of ours, whatever is said of it (unless the user asks for that), and a corpus of such records is refused.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from midb.corpus.records import declared_language, undeclared_spelling
from midb.domain.errors import CorpusError
from midb.locales import LANGUAGES
from midb.text.languages import (
    INDISTINGUISHABLE,
    NEIGHBOURS,
    LanguageIdentifier,
    find_evident_language,
    is_supported,
    language_name,
    reads_clearly_as,
    same_language,
)

#: The share of a sample that has to agree before one language is taken for the whole corpus.
AGREEMENT = 0.8

_IDEOGRAPH = re.compile("[\u3400-\u9fff]")
_PREFIX = re.compile(r"([a-z]{2})[-_:/.]")

#: A record of the sample: parsed, its id, and what its language is judged by.
Row = tuple[dict[str, Any], str, str]


@dataclass(frozen=True)
class LanguagePlan:
    """How a record's language is settled: ``fixed`` for all, else declared by the record, else by the prefix of its id
    (``by_prefix``), else the ``usual`` one of the corpus, else identified from its text.

    ``trusted``: what is said of a language is believed, however the text reads (`--trust-language`).
    """

    fixed: str | None = None
    usual: str | None = None
    by_prefix: bool = False
    described: str = ""
    trusted: bool = False

    def expect(self, declared: str | None, key: str) -> str | None:
        """The language code of a record as far as it can be told without its text, else ``None``."""
        return self.fixed or declared or (prefix_of(key) if self.by_prefix else None) or self.usual

    def settle(self, declared: str | None, key: str, text: str, identifier: LanguageIdentifier) -> str:
        """The language code of one record, ``und`` where nothing can be said.

        ``text`` is what `join_samples` makes of the record's texts. The code may be of a language that is none of ours.
        """
        expected = self.expect(declared, key)
        if expected is not None and not is_supported(expected):
            guess = identifier.identify(text)  # "ts" may be Tsonga, or the TypeScript of a corpus of programs
            return guess if guess and reads_clearly_as(text, guess) else expected
        code = expected or identifier.identify(text)
        return identifier.find_unsupported(text, code) or code or "und"


def prefix_of(key: str) -> str | None:
    """The language an id starts with, as in ``de-0417``; ``None`` where it starts with none of ours."""
    match = _PREFIX.match(key)
    return match.group(1) if match and match.group(1) in LANGUAGES else None


def plan_languages(
    parsed: Iterable[Row], language: str | None, identifier: LanguageIdentifier, *, trusted: bool = False
) -> tuple[LanguagePlan, list[str]]:
    """How records get their language, from a sample of (record, id, text), and what there is to warn of.

    Raises CorpusError where nearly all of the sample reads as something else than what is said, or as no language of
    ours; never where the languages are ``trusted``.
    """
    rows = list(parsed)
    guesses = [_guess(text, language, identifier) for _, _, text in rows]
    plan, warnings = _plan(rows, guesses, language, trusted)
    if not trusted:
        settled = [plan.settle(declared_language(record), key, text, identifier) for record, key, text in rows]
        _refuse_others(settled, [_read(text, identifier) for _, _, text in rows])
        warnings += _warn_of_others(settled)
    return plan, warnings


def _guess(text: str, language: str | None, identifier: LanguageIdentifier) -> str | None:
    """What a text of the sample reads as, whatever is said of it."""
    if language:
        return None  # nobody asks
    found = identifier.identify(text)
    return identifier.find_unsupported(text, found) or found


def _plan(
    rows: Sequence[Row], guesses: Sequence[str | None], language: str | None, trusted: bool
) -> tuple[LanguagePlan, list[str]]:
    """The plan for what is said and guessed of a sample."""
    if language:
        return LanguagePlan(fixed=language, described=f"{language} (as you say)", trusted=trusted), []
    warnings = []
    declared = Counter(filter(None, (declared_language(record) for record, _, _ in rows)))
    unknown = Counter(filter(None, (undeclared_spelling(record) for record, _, _ in rows)))
    if unknown:
        spelling = unknown.most_common(1)[0][0]
        warnings.append(
            f'"{spelling}" is no language midb-agent knows; such records are identified by their text '
            f"(known: {' '.join(LANGUAGES)})"
        )
    if declared.total() == len(rows):
        pairs = zip(rows, guesses, strict=True)
        agree = sum(same_language(declared_language(record), guess) for (record, _, _), guess in pairs)
        described = f"{_listed(declared)} (declared; {agree / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(described=described, trusted=trusted), warnings
    prefixed = [(prefix_of(key), guess) for (_, key, _), guess in zip(rows, guesses, strict=True)]
    prefixes = Counter(prefix for prefix, _ in prefixed if prefix)
    agree = sum(same_language(prefix, guess) for prefix, guess in prefixed if prefix)
    if prefixes.total() == len(rows) and agree >= AGREEMENT * len(rows):
        described = f"{_listed(prefixes)} (from the ids; {agree / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(by_prefix=True, described=described, trusted=trusted), warnings
    found = Counter(guess for guess in guesses if guess)
    twins = Counter({code: count for code, count in found.items() if code in INDISTINGUISHABLE})
    usual, votes = found.most_common(1)[0] if found else ("und", 0)
    if usual in INDISTINGUISHABLE:
        votes = twins.total()
        if len(twins) > 1:
            warnings.append("Indonesian and Malay cannot be told apart for certain; settle it with --language id or ms")
    if votes >= AGREEMENT * len(rows) and usual in LANGUAGES:
        described = f"{usual} (identified; {votes / len(rows):.0%} of a sample agrees)"
        return LanguagePlan(usual=usual, described=described, trusted=trusted), warnings
    return LanguagePlan(described=f"{_listed(found)} (identified record by record)", trusted=trusted), warnings


def _read(text: str, identifier: LanguageIdentifier) -> str | None:
    """What a text evidently is in, whatever is said of it; short Chinese without a word of grammar is Chinese still."""
    if evident := find_evident_language(text):
        return evident
    return "zh" if _IDEOGRAPH.search(text) and identifier.identify(text) == "zh" else None


def _refuse_others(settled: Sequence[str], evident: Sequence[str | None]) -> None:
    """Raise where nearly all of a sample is in languages that are none of ours, or not in the one that is said."""
    least = AGREEMENT * len(settled)
    others = Counter(code for code in settled if not is_supported(code))
    if others.total() >= least:
        share = f"{others.total() / len(settled):.0%} of a sample"
        raise CorpusError(
            f"the records are in {_named(others)} ({share}), which midb-agent does not know: "
            "nothing would be examined.",
            hint=f"Known are: {' '.join(LANGUAGES)}. If it is one of them after all: --language xx --trust-language",
        )
    # Texts left in English are a defect of records in ours; Chinese ones are not theirs.
    pairs = [(code, said) for code, said in zip(evident, settled, strict=True) if code and code != "en"]
    wrong = Counter(code for code, said in pairs if said in LANGUAGES and not same_language(code, said))
    if wrong.total() >= least:
        reads, said = wrong.most_common(1)[0][0], Counter(settled).most_common(1)[0][0]
        known = f"Say --language {reads}" if reads in LANGUAGES else f"midb-agent does not know {language_name(reads)}"
        raise CorpusError(
            f"the records are said to be in {language_name(said)} and read as {_named(wrong)} "
            f"({wrong.total() / len(settled):.0%} of a sample).",
            hint=f"{known}; if they are {language_name(said)}, add --trust-language.",
        )


def _warn_of_others(settled: Sequence[str]) -> list[str]:
    """What is said of a sample some of which is in languages that are none of ours, English and Chinese among them."""
    warnings = []
    if neighbours := Counter(code for code in settled if code in NEIGHBOURS):
        warnings.append(
            f"{neighbours.total() / len(settled):.1%} of a sample is in {_named(neighbours)}, whose rules midb-agent "
            "does not know: only what is a defect in every language is looked for there"
        )
    if others := Counter(code for code in settled if not is_supported(code)):
        warnings.append(
            f"{others.total() / len(settled):.1%} of a sample is in {_named(others)}, which midb-agent does not know: "
            "such records are left alone and counted (--trust-language treats them as what is said of them)"
        )
    return warnings


def _named(codes: Counter[str]) -> str:
    """The commonest languages by name, three at most."""
    names = [language_name(code) for code, _ in codes.most_common(3)]
    return ", ".join(names) + (" and others" if len(codes) > 3 else "")


def _listed(codes: Counter[str]) -> str:
    shown = [code for code, _ in codes.most_common(17)]
    return " ".join(shown) or "none"
