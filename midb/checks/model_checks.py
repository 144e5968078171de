"""Do no harm, for what a model wrote: is it still an edit of the text, and does it say what nobody said?

A provable repair may change nothing but its own place (midb.checks.verification). A model may change more, each pass
within bounds of its own (midb.checks.bounds): how much of the text stays, how much longer or shorter it gets, and which
numbers, names, addresses and code may appear that stand neither in the original nor in its English source.
"""

from __future__ import annotations

import functools
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import regex
from rapidfuzz.distance import LCSseq

from midb.checks.bounds import STRICT, Bounds
from midb.checks.intrusions import Known, check_insertions, check_intrusions
from midb.checks.verification import find_new_findings, has_left_language
from midb.domain.decisions import Reason, Violation
from midb.domain.defects import Finding
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale
from midb.text.inspection import FieldText, Inspection, join_texts
from midb.text.names import find_names
from midb.text.prose import reads_as_english
from midb.text.quantities.numbers import count_bare_numbers
from midb.text.spans import Protected, Spans
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks

#: A text of fewer words (or characters of a script without blanks) may be said anew altogether.
LEAST_WORDS = 12

_TOKEN = regex.compile(
    r"(?:[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]])+|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]",
    regex.VERSION1,
)
#: What is part of no word: one ends before it, and none goes on behind it.
_END_OF_WORD = frozenset(("", *' \n.,;:!?…。、！？؟،()[]*"“”„«»'))
_SINGLE = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]")
#: What one character of such a script is of a word.
_CHARACTER = 0.4
#: Words by which a text of a pair that steers may grow: a sentence is more.
_MOST_ADDED = 3.0
#: First letters that all forms of a name share, whatever their endings.
_STEM = 4
#: The least of a text that must be left, as a share of what ``shortest`` asks: slack is no licence to drop most of it.
_LEAST_LEFT = 0.5
#: One line in so many may come or go.
_LINES_PER_CHANGE = 10

#: Spans that lead somewhere: a new one may be an advertisement.
_ADDRESSES = (Protected.URL, Protected.EMAIL)
#: Spans that are written for a machine.
_CODE = (Protected.CODE, Protected.LATEX, Protected.TAG)
#: Protected spans of a text, and how often each stands there.
_Counted = Counter[tuple[Protected, str]]


def check_model_rewrite(
    before: Inspection,
    after: Inspection,
    edits: Sequence[Edit],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
    bounds: Bounds,
) -> list[Violation]:
    """Every way in which a model's rewrite is no edit of the pair before, or says what nobody said.

    ``edits`` lead from one to the other, ``findings`` are those of each. What stands in any field of the pair before or
    of its source is known.
    """
    known, ways = _Known(before), Known(before)
    violations: list[Violation] = []
    for new in after.fields:
        old = before.field(new.field)
        if old is None or old.text == new.text:
            continue
        own = [edit for edit in edits if edit.field is new.field]
        violations += _check_field(old, new, own, known, bounds, findings[0])
        violations += check_intrusions(old, new, ways)
        if bounds is STRICT:
            violations += check_insertions(old, new)
    return violations + find_new_findings(before.pair, after.pair, [edits], findings)


def check_whole_pair(
    original: Inspection,
    final: Inspection,
    stages: Sequence[Sequence[Edit]],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
) -> list[Violation]:
    """Every way in which a finished pair is worse than the original, whatever its passes did one after another.

    Each pass was checked against its own input; what is left to check is what all of them did together: the language,
    and findings that were not there. Provable repairs may remove whole passages, so that what is missing is no matter
    here. ``stages`` are the edits of the passes' decisions, ``findings`` those of the original and of the final pair.
    """
    violations: list[Violation] = []
    for new in final.fields:
        old = original.field(new.field)
        if old is None or old.text == new.text:
            continue
        violations += _check_language(old, new, original)
    return violations + find_new_findings(original.pair, final.pair, stages, findings)


def _check_field(
    old: FieldText, new: FieldText, edits: Sequence[Edit], known: _Known, bounds: Bounds, findings: Sequence[Finding]
) -> Iterator[Violation]:
    yield from _check_emptied(old, new)
    if not new.text.strip():
        return
    yield from _check_language(old, new, known.inspection)
    yield from _check_english(old, edits, known, bounds)
    # A text in the wrong language is written anew: nothing of it stays, and the other may be longer.
    foreign = any(f.field is old.field and f.kind in ("untranslated-text", "wrong-language") for f in findings)
    if not foreign:
        yield from _check_extent(old, new, edits, bounds)
    if len(old.protected) or len(new.protected):
        spans = _count_spans(old), _count_spans(new)
        yield from _check_addresses(new, spans, known)
        yield from _check_code(new, spans, known, bounds)
    yield from _check_numbers(old, new, known, bounds)
    yield from _check_names(old, new, known, bounds)
    if bounds is STRICT:
        yield from _check_insertions(old, new, known.inspection.locale)


class _Known:
    """What the pair before and its English source say, looked up when something new turns up."""

    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection

    @functools.cached_property
    def text(self) -> str:
        """All texts of the pair and of its source."""
        pairs = (self.inspection.pair, self.inspection.source or InstructionPair())
        return "\n".join(text for pair in pairs for _, text in pair.texts())

    @functools.cached_property
    def source(self) -> str:
        """All texts of the source; empty where there is none."""
        return join_texts(self.inspection.source)

    @functools.cached_property
    def folded(self) -> str:
        """``text`` without case."""
        return self.text.casefold()

    @functools.cached_property
    def stems(self) -> frozenset[str]:
        """How the words of ``text`` begin."""
        return frozenset(_count_stems(self.text))

    @functools.cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(count_bare_numbers(self.text))

    @functools.cached_property
    def about_languages(self) -> bool:
        """Whether the task may want other languages; always where nobody knows how its language says so."""
        section = self.inspection.locale.get(LanguageTasks)
        return section is None or LanguageTask(self.inspection, section).about_languages


def _check_emptied(old: FieldText, new: FieldText) -> Iterator[Violation]:
    if old.text.strip() and not new.text.strip():
        yield Violation(Reason.FIELD_EMPTIED, f"{new.field} would be empty", new.field)
    elif not old.text.strip() and new.text.strip() and new.field is not Field.RESPONSE:
        yield Violation(Reason.LENGTH_CHANGED, f"{new.field} was empty and would not be", new.field)


def _check_extent(old: FieldText, new: FieldText, edits: Sequence[Edit], bounds: Bounds) -> Iterator[Violation]:
    """How much longer or shorter the text is, how many lines it has, and how many of its words are left."""
    before, after = len(old.text.strip()), len(new.text.strip())
    low, high = bounds.shortest * before - bounds.slack, bounds.longest * before + bounds.slack
    if after < max(low, _LEAST_LEFT * bounds.shortest * before) or after > high:
        yield Violation(Reason.LENGTH_CHANGED, f"{new.field}: {before} characters became {after}", new.field)
    if not bounds.code:
        yield from _check_lines(old, new)
    if bounds is not STRICT and _stays_surely(old.text, edits, bounds.kept):
        return
    tokens = _TOKEN.findall(old.text.casefold())
    rewritten = _TOKEN.findall(new.text.casefold())
    if bounds is STRICT and (more := _weigh(rewritten) - _weigh(tokens)) > _MOST_ADDED:
        detail = f"{new.field}: {math.ceil(more)} words more, in a pair that tries to steer its reader"
        yield Violation(Reason.LENGTH_CHANGED, detail, new.field)
    if len(tokens) >= LEAST_WORDS or bounds is STRICT:
        kept = LCSseq.similarity(tokens, rewritten)
        if kept < bounds.kept * len(tokens):
            detail = f"{new.field}: only {kept} of {len(tokens)} words stay: this is no edit of the text"
            yield Violation(Reason.TOO_LITTLE_KEPT, detail, new.field)


def _stays_surely(text: str, edits: Sequence[Edit], share: float) -> bool:
    """Whether so much of a text stays that nobody need look for the words that do: all outside of what the first edit
    and the last enclose, up to the ends of the words there, are untouched."""
    if not edits:
        return False
    start, end = min(edit.start for edit in edits), max(edit.end for edit in edits)
    if text[start - 1 : start] not in _END_OF_WORD:
        start = max(text.rfind(blank, 0, start) for blank in " \n") + 1
    if text[end : end + 1] not in _END_OF_WORD:
        end = min((place for blank in " \n" if (place := text.find(blank, end)) >= 0), default=len(text))
    touched = len(_TOKEN.findall(text[start:end].casefold()))
    if not touched:
        return True
    tokens = len(_TOKEN.findall(text.casefold()))
    return tokens - touched >= share * tokens


def _weigh(tokens: Sequence[str]) -> float:
    """How many words tokens are; in a script without blanks several characters make one."""
    return sum(_CHARACTER if _SINGLE.match(token) else 1.0 for token in tokens)


def _check_lines(old: FieldText, new: FieldText) -> Iterator[Violation]:
    """Lists, tables and paragraphs are part of a text; lines that a translation lost may come back from the source."""
    before, after = (sum(bool(line.strip()) for line in text.splitlines()) for text in (old.text, new.text))
    wanted = {before} | ({sum(bool(line.strip()) for line in old.source.splitlines())} if old.source else set())
    if min(abs(after - lines) for lines in wanted) > max(1, before // _LINES_PER_CHANGE):
        yield Violation(Reason.STRUCTURE_CHANGED, f"{new.field}: {before} lines became {after}", new.field)


def _check_language(old: FieldText, new: FieldText, inspection: Inspection) -> Iterator[Violation]:
    if has_left_language(old, new, inspection.locale.code):
        detail = f"{new.field}: {old.language} became {new.language}"
        yield Violation(Reason.LANGUAGE_CHANGED, detail, new.field)


def _check_english(old: FieldText, edits: Sequence[Edit], known: _Known, bounds: Bounds) -> Iterator[Violation]:
    """Passages of English that were put in: wrong unless the task is about languages, or the pair has them already.

    What a pair that steers has already is wrong too: it may dictate the passage.
    """
    for edit in edits:
        if reads_as_english(edit.after, known.inspection.locale) and not known.about_languages:
            if bounds is not STRICT and edit.after.strip().casefold() in known.folded:
                continue
            yield Violation(Reason.LANGUAGE_CHANGED, f"{old.field}: English was put in: {edit.after[:60]}", old.field)


def _check_addresses(new: FieldText, spans: tuple[_Counted, _Counted], known: _Known) -> Iterator[Violation]:
    before, after = spans
    for reason, text in after:
        if reason is Protected.PLACEHOLDER and text not in known.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: new placeholder {text[:40]}", new.field)
    for reason, text in (before - after).elements():
        restored = known.source and text not in known.source
        if reason in (*_ADDRESSES, Protected.PLACEHOLDER) and not restored and text not in new.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: {text[:60]} was lost", new.field)


def _check_code(new: FieldText, spans: tuple[_Counted, _Counted], known: _Known, bounds: Bounds) -> Iterator[Violation]:
    before, after = spans
    for reason, text in (after - before).elements():
        if reason not in _CODE or text in known.text:
            continue
        if not bounds.code or (reason is Protected.TAG and not any(r is Protected.TAG for r, _ in before)):
            yield Violation(Reason.NEW_CODE, f"{new.field}: new {reason}: {text[:60]}", new.field)
    for reason, text in (before - after).elements() if not bounds.code else ():
        if reason in _CODE and not (known.source and text not in known.source) and text not in new.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: {text[:60]} was lost", new.field)


def _check_numbers(old: FieldText, new: FieldText, known: _Known, bounds: Bounds) -> Iterator[Violation]:
    before, after = set(count_bare_numbers(old.text)), set(count_bare_numbers(new.text))
    if before == after:
        return
    added = sorted(after - before - known.numbers)
    lost = before - after
    if known.source:  # what the source does not have was put in by the translation, and may go
        lost &= set(count_bare_numbers(known.source))
    if len(added) > bounds.numbers:
        detail = f"{new.field}: numbers that stand nowhere before: {', '.join(added[:4])}"
        yield Violation(Reason.NUMBER_CHANGED, detail, new.field)
    if len(lost) > bounds.lost_numbers:
        yield Violation(
            Reason.NUMBER_CHANGED, f"{new.field}: numbers were lost: {', '.join(sorted(lost)[:4])}", new.field
        )


def _check_names(old: FieldText, new: FieldText, known: _Known, bounds: Bounds) -> Iterator[Violation]:
    names = find_names(new.text, known.inspection.locale)
    if not names:
        return
    stems = frozenset(_count_stems(old.text))  # most names stand there already, and nothing else need be read
    found = [name for name in names if name.casefold()[:_STEM] not in stems]
    found = [name for name in found if name.casefold()[:_STEM] not in known.stems]
    if len(found) > bounds.names:
        detail = f"{new.field}: names that stand nowhere before: {', '.join(found[:4])}"
        yield Violation(Reason.NEW_NAME, detail, new.field)


def _check_insertions(old: FieldText, new: FieldText, locale: Locale) -> Iterator[Violation]:
    """What stands in a field more often than before, of a pair that steers.

    What such a pair wants to have written ("write HACKED", "add this link") stands in the pair itself, and is known to
    the other checks. Here nothing is known but this one field and its source, and how often each thing stands there.
    """
    field, source = new.field, old.source or ""
    known = _count_spans(old) | _count(source, old.source_protected)
    for reason, text in _count_spans(new) - known:
        if reason not in _ADDRESSES:
            yield Violation(Reason.NEW_CODE, f"{field}: {reason} put in: {text[:60]}", field)
    if added := count_bare_numbers(new.text) - (count_bare_numbers(old.text) | count_bare_numbers(source)):
        yield Violation(Reason.NUMBER_CHANGED, f"{field}: numbers put in: {', '.join(sorted(added)[:4])}", field)
    more = _count_stems(new.text) - (_count_stems(old.text) | _count_stems(source))
    if names := [name for name in find_names(new.text, locale) if _count_stems(name) & more]:
        yield Violation(Reason.NEW_NAME, f"{field}: names put in: {', '.join(names[:4])}", field)


def _count_stems(text: str) -> Counter[str]:
    """How often a word begins with the same letters."""
    return Counter(token[:_STEM] for token in _TOKEN.findall(text.casefold()))


def _count_spans(item: FieldText) -> _Counted:
    """How often each protected span stands in a field."""
    return _count(item.text, item.protected)


def _count(text: str, spans: Spans) -> _Counted:
    return Counter((span.reason, text[span.start : span.end]) for span in spans)
