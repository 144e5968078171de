"""Do no harm: a rewrite is held against its own original, and is taken back where it loses or adds what it should not.

Every check compares the two texts without the places that a repair was *allowed* to change (DefectKind.may_change):
what a decimal separator's repair does to a number is its business; what it does to the sentence around it is harm.
Exactly those places are left out and nothing around them: in a script without blanks a "word" would be the whole text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from midb.domain.decisions import Reason, Violation
from midb.domain.defects import DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit, NetEdit, compose
from midb.domain.pairs import InstructionPair
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import INDISTINGUISHABLE
from midb.text.protection import protected_spans

_NUMBER = re.compile(r"\d+(?:[.,٫٬]\d+)*")

#: Below this many letters identification is a guess (lingua's accuracy drops under 40 characters).
IDENTIFIABLE_LETTERS = 40

#: How far a field may shrink or grow by repairs that are not about its length.
LENGTH_BOUNDS = (0.6, 1.5)
LENGTH_SLACK = 20


def check_rewrite(
    before: Inspection,
    after: Inspection,
    stages: Sequence[Sequence[Edit]],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
    kinds: Mapping[str, DefectKind],
) -> list[Violation]:
    """Every way in which the rewritten pair is worse than the one before; empty where it may stand.

    ``stages`` are the edits of the decisions that lead from one to the other, ``findings`` what was found in each.
    """
    violations: list[Violation] = []
    for old in before.fields:
        new = after.field(old.field)
        if new is None:
            violations.append(Violation(Reason.FIELD_EMPTIED, f"{old.field} is gone", old.field))
        elif new.text != old.text:
            net = compose(old.text, old.field, stages)
            violations += _check_field(old, new, net, kinds, before.locale.code)
    violations += new_findings(before.pair, after.pair, stages, findings)
    return violations


def _check_field(
    old: FieldText, new: FieldText, net: Sequence[NetEdit], kinds: Mapping[str, DefectKind], language: str
) -> list[Violation]:
    field = old.field.value
    violations: list[Violation] = []

    def outside(invariant: Invariant) -> tuple[str, str]:
        return _masked(old.text, new.text, _excused(net, kinds, invariant))

    if old.text.strip() and not new.text.strip() and not _all_excused(net, kinds, Invariant.CONTENT):
        violations.append(Violation(Reason.FIELD_EMPTIED, f"{field} would be empty", old.field))
    texts = outside(Invariant.NUMBERS)
    if difference := _difference(*map(numbers, texts)):
        violations.append(Violation(Reason.NUMBER_CHANGED, f"{field}: numbers differ: {difference}", old.field))
    texts = outside(Invariant.PROTECTED)
    if difference := _difference(*map(_protected_texts, texts)):
        detail = f"{field}: protected spans differ: {difference}"
        violations.append(Violation(Reason.PROTECTED_SPAN_CHANGED, detail, old.field))
    texts = outside(Invariant.LENGTH)
    low, high = LENGTH_BOUNDS
    if not low * len(texts[0]) - LENGTH_SLACK <= len(texts[1]) <= high * len(texts[0]) + LENGTH_SLACK:
        detail = f"{field}: {len(texts[0])} characters became {len(texts[1])}"
        violations.append(Violation(Reason.LENGTH_CHANGED, detail, old.field))
    if not _all_excused(net, kinds, Invariant.LANGUAGE) and left_language(old, new, language):
        detail = f"{field}: {old.language} became {new.language}"
        violations.append(Violation(Reason.LANGUAGE_CHANGED, detail, old.field))
    return violations


def numbers(text: str) -> Counter[str]:
    """The numbers of a text, whatever their digits and separators.

    >>> sorted(numbers("1,5 and １٫5 in 2024").items())
    [('1.5', 2), ('2024', 1)]
    """
    found: Counter[str] = Counter()
    for match in _NUMBER.finditer(text):
        digits = (str(unicodedata.digit(c)) if c.isdigit() else "." for c in match.group())
        found["".join(digits)] += 1
    return found


def _protected_texts(text: str) -> Counter[str]:
    return Counter(text[span.start : span.end] for span in protected_spans(text))


def _difference(old: Counter[str], new: Counter[str]) -> str:
    """What was lost and what was added, shortened; empty where nothing was."""
    lost, added = old - new, new - old
    parts = [f"-{text[:40]}" for text in list(lost)[:3]] + [f"+{text[:40]}" for text in list(added)[:3]]
    return ", ".join(parts)


def _excused(net: Iterable[NetEdit], kinds: Mapping[str, DefectKind], invariant: Invariant) -> list[NetEdit]:
    return [edit for edit in net if any(invariant in kinds[name].may_change for name in edit.kinds if name in kinds)]


def _all_excused(net: Sequence[NetEdit], kinds: Mapping[str, DefectKind], invariant: Invariant) -> bool:
    return len(_excused(net, kinds, invariant)) == len(net)


def _masked(old: str, new: str, edits: Iterable[NetEdit]) -> tuple[str, str]:
    """Both texts without what the given edits touch; a blank stands for it, so that its neighbours do not join."""
    listed = list(edits)
    return (
        _without(old, [(edit.start, edit.end) for edit in listed]),
        _without(new, [(edit.after_start, edit.after_end) for edit in listed]),
    )


def _without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts = []
    position = 0
    for start, end in spans:
        parts.append(text[position:start])
        position = end
    parts.append(text[position:])
    return " ".join(parts)


def left_language(old: FieldText, new: FieldText, language: str) -> bool:
    """Whether a text that was in its language is in another one now; never where it is too short to tell."""
    if sum(map(str.isalpha, new.text)) < IDENTIFIABLE_LETTERS:
        return False
    accepted = INDISTINGUISHABLE if language in INDISTINGUISHABLE else {language}
    return old.language in accepted and new.language not in accepted


def new_findings(
    before: InstructionPair,
    after: InstructionPair,
    stages: Sequence[Sequence[Edit]],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
) -> list[Violation]:
    """Findings of major severity or more that were not there before, at the place they are about."""
    grave = [finding for finding in findings[1] if finding.severity is not Severity.MINOR]
    violations = []
    for field in {finding.field for finding in grave}:
        net = compose(before.text(field) or "", field, stages)
        for finding in grave:
            if finding.field is not field:
                continue
            start, end = _origin(net, finding.start, first=True), _origin(net, finding.end, first=False)
            if not any(
                old.kind == finding.kind and old.field is field and old.start <= end and start <= old.end
                for old in findings[0]
            ):
                text = (after.text(field) or "")[finding.start : finding.end]
                violations.append(Violation(Reason.NEW_FINDING, f"{field}: new {finding.kind}: {text[:60]}", field))
    return violations[:3]


def _origin(net: Sequence[NetEdit], position: int, *, first: bool) -> int:
    """Where a place of the text after stood before; within an edit, the edit's beginning (``first``) or end."""
    shift = 0
    for edit in net:
        if position < edit.after_start or (position == edit.after_start and first and edit.after_end > position):
            break
        if position < edit.after_end:
            return edit.start if first else edit.end
        shift = edit.end - edit.after_end
    return position + shift
