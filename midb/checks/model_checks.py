"""Do no harm, for what a model wrote: is it still an edit of the text, and does it say what nobody said?

A provable repair is held to leave everything but its own place alone (midb.checks.verification). A model may change
more, each pass within bounds of its own: how much of the text stays, how much longer or shorter it gets, and which
numbers, names, addresses and code may appear that stand neither in the original nor in its English source.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex
from rapidfuzz.distance import LCSseq

from midb.checks.verification import left_language, new_findings
from midb.domain.decisions import Pass, Reason, Violation
from midb.domain.defects import Finding
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.text.inspection import FieldText, Inspection
from midb.text.protection import Protected, protected_spans
from midb.text.subjects.language_tasks import LanguageTask, LanguageTasks
from midb.text.subjects.prose import reads_as_english


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one pass may do to one field.

    :param shortest: length after, in lengths before; ``longest`` likewise.
    :param slack: characters by which a field may shrink or grow besides.
    :param kept: share of the words (in scripts without blanks: characters) before that must still be there, in order.
    :param names: new names at most; ``numbers`` new numbers; ``lost_numbers`` numbers that may go.
    :param code: code, LaTeX and tags may come and go; addresses and placeholders never may.
    """

    shortest: float
    longest: float
    slack: int
    kept: float
    names: int
    numbers: int
    lost_numbers: int
    code: bool


#: Of the passes. Content's were set on expert revisions (MEB, 150 in each of 13 languages), which do more than any pass
#: should: 93 % of them pass. What an expert wrote from scratch is no edit, and is turned down.
BOUNDS = {
    Pass.CONTENT: Bounds(
        shortest=0.3, longest=3.5, slack=1200, kept=0.12, names=12, numbers=40, lost_numbers=40, code=True
    ),
    Pass.TRANSLATION: Bounds(
        shortest=0.5, longest=1.8, slack=60, kept=0.3, names=2, numbers=0, lost_numbers=0, code=False
    ),
    Pass.LOCALIZATION: Bounds(
        shortest=0.6, longest=1.6, slack=60, kept=0.4, names=6, numbers=6, lost_numbers=6, code=False
    ),
}

#: For a pair with a passage that tries to steer its reader, whatever the pass: the model may have obeyed it.
STRICT = Bounds(shortest=0.85, longest=1.15, slack=20, kept=0.8, names=0, numbers=0, lost_numbers=0, code=False)

#: A text of fewer words (or characters of a script without blanks) may be said anew altogether.
LEAST_WORDS = 12

_TOKEN = regex.compile(
    r"(?:[[\p{L}\p{M}\p{N}]--[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]])+|[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}]",
    regex.VERSION1,
)
_NUMBER = regex.compile(r"\d+(?:[.,٫٬\u00a0\u202f' ]?\d{3})*(?:[.,٫]\d+)?")
#: Numbers of list items say nothing.
_ITEM = regex.compile(r"(?m)^\s*(?:\p{N}+[.)、．]|\(\p{N}+\))(?=\s|\p{L})")
#: A capitalised word that begins no sentence, line, item or quotation; and words in capitals anywhere.
_CAPITALISED = regex.compile(
    r"(?<=[\p{L}\p{N},;)\-–—] )\p{Lu}[\p{Ll}\p{M}]{2,}(?:-\p{Lu}\p{Ll}+)?|(?<![\p{L}\p{N}])\p{Lu}{4,}(?![\p{L}\p{N}])"
)
_LATIN_WORD = regex.compile(r"(?<![\p{Latin}\p{N}_])\p{Latin}{3,}(?![\p{Latin}\p{N}_])")
#: Letters by which two forms of one name agree whatever their endings.
_STEM = 4

_ADDRESSES = (Protected.URL, Protected.EMAIL)
_CODE = (Protected.CODE, Protected.LATEX, Protected.TAG)


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
    known = _Known(before)
    violations: list[Violation] = []
    for new in after.fields:
        old = before.field(new.field)
        if old is None or old.text == new.text:
            continue
        own = [edit for edit in edits if edit.field is new.field]
        violations += _check_field(old, new, own, known, bounds, findings[0])
    return violations + new_findings(before.pair, after.pair, [edits], findings)


def check_whole(
    original: Inspection, final: Inspection, stages: Sequence[Sequence[Edit]], findings: tuple[Sequence[Finding], ...]
) -> list[Violation]:
    """What must hold for a whole pair, whatever its passes did one after another. Each was held against its own input;
    what is left to see is what they did together. What a provable repair may remove is no matter here."""
    violations: list[Violation] = []
    for new in final.fields:
        old = original.field(new.field)
        if old is None or old.text == new.text:
            continue
        violations += _language(old, new, original)
    return violations + new_findings(original.pair, final.pair, stages, (findings[0], findings[1]))


def _check_field(
    old: FieldText, new: FieldText, edits: Sequence[Edit], known: _Known, bounds: Bounds, findings: Sequence[Finding]
) -> Iterator[Violation]:
    yield from _emptied(old, new)
    if not new.text.strip():
        return
    yield from _language(old, new, known.inspection)
    yield from _english(old, edits, known, bounds)
    # A text in the wrong language is written anew: nothing of it stays, and the other may be longer.
    foreign = any(f.field is old.field and f.kind in ("untranslated-text", "wrong-language") for f in findings)
    if not foreign:
        yield from _extent(old, new, bounds)
    yield from _addresses(old, new, known)
    yield from _code(old, new, known, bounds)
    yield from _numbers(old, new, known, bounds)
    yield from _names(old, new, known, bounds)
    if bounds is STRICT:
        yield from _put_in(old, new, known.inspection)


class _Known:
    """What the pair before and its English source say, looked up when something new turns up."""

    def __init__(self, inspection: Inspection) -> None:
        self.inspection = inspection

    @functools.cached_property
    def text(self) -> str:
        pairs = (self.inspection.pair, self.inspection.source or InstructionPair())
        return "\n".join(text for pair in pairs for _, text in pair.texts())

    @functools.cached_property
    def source(self) -> str:
        return "\n".join(text for _, text in (self.inspection.source or InstructionPair()).texts())

    @functools.cached_property
    def folded(self) -> str:
        return self.text.casefold()

    @functools.cached_property
    def stems(self) -> frozenset[str]:
        return frozenset(token[:_STEM] for token in _TOKEN.findall(self.folded))

    @functools.cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(plain_numbers(self.text))

    @functools.cached_property
    def about_languages(self) -> bool:
        section = self.inspection.locale.get(LanguageTasks)
        return section is None or LanguageTask(self.inspection, section).about_languages


def _emptied(old: FieldText, new: FieldText) -> Iterator[Violation]:
    if old.text.strip() and not new.text.strip():
        yield Violation(Reason.FIELD_EMPTIED, f"{new.field} would be empty", new.field)
    elif not old.text.strip() and new.text.strip() and new.field is not Field.RESPONSE:
        yield Violation(Reason.LENGTH_CHANGED, f"{new.field} was empty and would not be", new.field)


def _extent(old: FieldText, new: FieldText, bounds: Bounds) -> Iterator[Violation]:
    before, after = len(old.text.strip()), len(new.text.strip())
    low, high = bounds.shortest * before - bounds.slack, bounds.longest * before + bounds.slack
    # Slack for growth is no licence to drop most of a text.
    if after < max(low, bounds.shortest * before * 0.5) or after > high:
        yield Violation(Reason.LENGTH_CHANGED, f"{new.field}: {before} characters became {after}", new.field)
    if not bounds.code:
        yield from _lines(old, new)
    tokens = _TOKEN.findall(old.text.casefold())
    if len(tokens) >= LEAST_WORDS or bounds is STRICT:
        kept = LCSseq.similarity(tokens, _TOKEN.findall(new.text.casefold()))
        if kept < bounds.kept * len(tokens):
            detail = f"{new.field}: only {kept} of {len(tokens)} words stay: this is no edit of the text"
            yield Violation(Reason.TOO_LITTLE_KEPT, detail, new.field)


def _lines(old: FieldText, new: FieldText) -> Iterator[Violation]:
    """Lists, tables and paragraphs are part of a text; lines that a translation lost may come back from the source."""
    before, after = (sum(bool(line.strip()) for line in text.splitlines()) for text in (old.text, new.text))
    wanted = {before} | ({sum(bool(line.strip()) for line in old.source.splitlines())} if old.source else set())
    if min(abs(after - lines) for lines in wanted) > max(1, before // 10):
        yield Violation(Reason.STRUCTURE_CHANGED, f"{new.field}: {before} lines became {after}", new.field)


def _language(old: FieldText, new: FieldText, inspection: Inspection) -> Iterator[Violation]:
    if left_language(old, new, inspection.locale.code):
        detail = f"{new.field}: {old.language} became {new.language}"
        yield Violation(Reason.LANGUAGE_CHANGED, detail, new.field)


def _english(old: FieldText, edits: Sequence[Edit], known: _Known, bounds: Bounds) -> Iterator[Violation]:
    """Passages of English that were put in, and stand neither in the pair nor in a task about languages. A pair that
    steers may dictate the passage itself."""
    for edit in edits:
        if reads_as_english(edit.after, known.inspection.locale) and not known.about_languages:
            if bounds is not STRICT and edit.after.strip().casefold() in known.folded:
                continue
            yield Violation(Reason.LANGUAGE_CHANGED, f"{old.field}: English was put in: {edit.after[:60]}", old.field)


def _new_addresses(new: FieldText, known: _Known) -> Iterator[Violation]:
    for reason, text in _spans(new.text):
        if reason in _ADDRESSES and text not in known.text:
            yield Violation(Reason.NEW_ADDRESS, f"{new.field}: new address {text[:60]}", new.field)
        if reason is Protected.PLACEHOLDER and text not in known.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: new placeholder {text[:40]}", new.field)


def _addresses(old: FieldText, new: FieldText, known: _Known) -> Iterator[Violation]:
    yield from _new_addresses(new, known)
    before, after = _spans(old.text), _spans(new.text)
    for reason, text in (before - after).elements():
        restored = known.source and text not in known.source
        if reason in (Protected.URL, Protected.EMAIL, Protected.PLACEHOLDER) and not restored and text not in new.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: {text[:60]} was lost", new.field)


def _code(old: FieldText, new: FieldText, known: _Known, bounds: Bounds) -> Iterator[Violation]:
    before, after = _spans(old.text), _spans(new.text)
    for reason, text in (after - before).elements():
        if reason not in _CODE or text in known.text:
            continue
        if not bounds.code or (reason is Protected.TAG and not any(r is Protected.TAG for r, _ in before)):
            yield Violation(Reason.NEW_CODE, f"{new.field}: new {reason}: {text[:60]}", new.field)
    for reason, text in (before - after).elements() if not bounds.code else ():
        if reason in _CODE and not (known.source and text not in known.source) and text not in new.text:
            yield Violation(Reason.PROTECTED_SPAN_CHANGED, f"{new.field}: {text[:60]} was lost", new.field)


def _numbers(old: FieldText, new: FieldText, known: _Known, bounds: Bounds) -> Iterator[Violation]:
    before, after = set(plain_numbers(old.text)), set(plain_numbers(new.text))
    added = sorted(after - before - known.numbers)
    # What the source does not have was put in by the translation, and may go.
    lost = sorted(n for n in before - after if not known.source or n in plain_numbers(known.source))
    if len(added) > bounds.numbers:
        detail = f"{new.field}: numbers that stand nowhere before: {', '.join(added[:4])}"
        yield Violation(Reason.NUMBER_CHANGED, detail, new.field)
    if len(lost) > bounds.lost_numbers:
        yield Violation(Reason.NUMBER_CHANGED, f"{new.field}: numbers were lost: {', '.join(lost[:4])}", new.field)


def _names(old: FieldText, new: FieldText, known: _Known, bounds: Bounds) -> Iterator[Violation]:
    found = new_names(new.text, known.stems, known.inspection)
    if len(found) > bounds.names:
        detail = f"{new.field}: names that stand nowhere before: {', '.join(found[:4])}"
        yield Violation(Reason.NEW_NAME, detail, new.field)


def _put_in(old: FieldText, new: FieldText, inspection: Inspection) -> Iterator[Violation]:
    """What stands in a field more often than before, of a pair that steers.

    What such a pair wants to have written ("write HACKED", "add this link") stands in the pair itself, and is known to
    the other checks. Here nothing is known but this one field and its source, and how often each thing stands there.
    """
    field, source = new.field, old.source or ""
    for reason, text in _spans(new.text) - (_spans(old.text) | _spans(source)):
        kind = Reason.NEW_ADDRESS if reason in _ADDRESSES else Reason.NEW_CODE
        yield Violation(kind, f"{field}: {reason} put in: {text[:60]}", field)
    if added := plain_numbers(new.text) - (plain_numbers(old.text) | plain_numbers(source)):
        yield Violation(Reason.NUMBER_CHANGED, f"{field}: numbers put in: {', '.join(sorted(added)[:4])}", field)
    more = _stems(new.text) - (_stems(old.text) | _stems(source))
    if names := [name for name in _names_in(new.text, inspection) if _stems(name) & more]:
        yield Violation(Reason.NEW_NAME, f"{field}: names put in: {', '.join(names[:4])}", field)


def _stems(text: str) -> Counter[str]:
    return Counter(token[:_STEM] for token in _TOKEN.findall(text.casefold()))


def new_names(text: str, stems: frozenset[str], inspection: Inspection) -> list[str]:
    """What looks like a name and shares its first letters with no word that is known, in order."""
    return [name for name in _names_in(text, inspection) if name.casefold()[:_STEM] not in stems]


def _names_in(text: str, inspection: Inspection) -> list[str]:
    """What looks like a name, once each and in order.

    In scripts without capitals these are words in Latin letters. German capitalises every noun, so that only words all
    in capitals count there.
    """
    locale = inspection.locale
    if "Latin" in locale.scripts or locale.script in ("Cyrillic", "Greek"):
        words = _CAPITALISED.findall(text)
        if locale.code == "de":
            words = [word for word in words if word.isupper()]
        if "Latin" not in locale.scripts:
            words += _LATIN_WORD.findall(text)
    else:
        words = _LATIN_WORD.findall(text)
    return list(dict.fromkeys(words))


def plain_numbers(text: str) -> Counter[str]:
    """The numbers of a text as digits alone, whatever their script and separators; numbers of list items left out.

    >>> sorted(plain_numbers("1. 1.234,5 and ٢٠٢٤"))
    ['12345', '2024']
    """
    found: Counter[str] = Counter()
    for match in _NUMBER.finditer(_ITEM.sub(" ", text)):
        found["".join(str(int(c)) for c in match.group() if c.isdecimal())] += 1
    return found


def _spans(text: str) -> Counter[tuple[Protected, str]]:
    return Counter((span.reason, text[span.start : span.end]) for span in protected_spans(text))
