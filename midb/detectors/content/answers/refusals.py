"""Refusals: a response that only says that it cannot help, or that it is a language model and cannot.

Where the English source does what was asked, the translating model has refused. Without a source a response counts that
begins by saying what it is and cannot do, or that regrets that it cannot help; not where the task is about regret or
about models, nor where more follows than a refusal.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.domain.pairs import Field
from midb.locales import LocaleSection
from midb.text.inspection import Inspection
from midb.text.words import any_of, compile_any, count_ideographs, count_letters, holds_any


class RefusalWords(LocaleSection, table="refusals"):
    """How a model declines. ``itself``, ``unable``: patterns of what it calls itself and of being unable, where a line
    break stands for a blank; ``regrets``: words, in lower case, by which it begins; ``deeds``: what it cannot do."""

    itself: tuple[str, ...]
    unable: tuple[str, ...]
    regrets: tuple[str, ...]
    deeds: tuple[str, ...]

    @functools.cached_property
    def itself_pattern(self) -> re.Pattern[str]:
        return compile_any(self.itself)

    @functools.cached_property
    def unable_pattern(self) -> re.Pattern[str]:
        return compile_any(self.unable)

    @functools.cached_property
    def regrets_pattern(self) -> re.Pattern[str]:
        return re.compile(any_of(self.regrets), re.IGNORECASE)

    @functools.cached_property
    def deeds_pattern(self) -> re.Pattern[str]:
        return re.compile(any_of(self.deeds), re.IGNORECASE)


REFUSAL = DefectKind(
    name="refusal",
    family=DefectFamily.CONTENT,
    severity=Severity.CRITICAL,
    summary="the response only says that it cannot do what it was asked for",
    needs=(RefusalWords,),
)
KINDS = (REFUSAL,)

#: The same in English: what a translating model says may stay in English.
_ENGLISH = RefusalWords(
    itself=(
        r"\bas an? (?:ai|artificial intelligence|(?:large )?language model)\b",
        r"\bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence|(?:large )?language model)\b",
        r"\bai language model\b",
    ),
    unable=(r"\b(?:cannot|can['’]t|can not|unable to|not able to|won['’]t be able)\b",),
    regrets=("sorry", "apologize", "apologise", "apologies", "unfortunately", "regret"),
    deeds=(
        "help", "assist", "fulfil", "answer", "provide", "open", "access", "translate", "comply", "generate", "process",
        "browse",
    ),
)  # fmt: skip

#: What each of those patterns of being unable holds.
_UNABLE = ("cannot", "can't", "can’t", "can not", "unable", "able to")

#: Characters at the beginning in which a refusal says what it is.
_BEGINNING = 300
#: And in which it regrets.
_OPENING = 30
#: A response of more letters does something beside refusing: where the source does what was asked, and without one.
_LONGEST = 600
_LONGEST_ALONE = 300
#: Tasks about models, and what they are.
_LATIN = "a-zA-Z\u00c0-\u024f\u1e00-\u1eff"
#: In small letters the abbreviations are words of grammar: Vietnamese "ai", Malay "ia", Turkish "ki".
_ABOUT_MODELS = re.compile(
    rf"(?<![{_LATIN}])(?:AI|IA|KI|(?i:gpt|chatbots?|llm))(?![{_LATIN}])|(?i:chatgpt|language model)"
)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """At most one finding, over the whole response."""
    text = inspection.pair.response or ""
    section = inspection.locale.get(RefusalWords)
    source = inspection.source.response if inspection.source else None
    longest = _LONGEST if source else _LONGEST_ALONE
    if section is None or not text or len(text) > 2 * longest:
        return
    in_english = holds_any(text[:_BEGINNING], _UNABLE)
    for words in (section, _ENGLISH) if in_english else (section,):
        if evidence := _refuses(text, words):
            if count_letters(text) + count_ideographs(text) > longest:
                return
            if not _is_due(inspection, words) and not (source and _declines(source)):
                yield REFUSAL.finding(Field.RESPONSE, 0, len(text), evidence)
            return


def _refuses(text: str, words: RefusalWords) -> str:
    """By which words a response refuses, for people; empty where it does not."""
    beginning = text[:_BEGINNING]
    unable = words.unable_pattern.search(beginning)
    if unable is None:
        return ""
    regrets = words.regrets_pattern.search(text[:_OPENING])
    deeds = words.deeds_pattern.search(beginning)
    itself = words.itself_pattern.search(beginning)
    if itself and (itself.start() < unable.start() or regrets or deeds):
        return f'speaks as a model ("{itself.group()}") instead of answering'
    if regrets and deeds:
        return f'declines ("{regrets.group()}") instead of answering'
    return ""


def _declines(source: str) -> bool:
    """Whether an English response is a refusal itself, or speaks of being a model."""
    if _ENGLISH.itself_pattern.search(source):
        return True
    return bool(_ENGLISH.unable_pattern.search(source) or _ENGLISH.regrets_pattern.search(source))


def _is_due(inspection: Inspection, words: RefusalWords) -> bool:
    """Whether the task is about models, or about regret: then such words may be the answer."""
    return any(
        _ABOUT_MODELS.search(task)
        or words.itself_pattern.search(task)
        or words.regrets_pattern.search(task)
        or _ENGLISH.regrets_pattern.search(task)
        for task in inspection.tasks
    )
