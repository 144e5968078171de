"""Do no harm, for provable repairs: a rewritten pair must keep what the pair before it has, and add nothing.

Every check compares the two texts without the places that a repair was *allowed* to change (DefectKind.may_change):
the repair of a decimal separator may change the number that it stands in, and nothing in the sentence around it.
Exactly those places are left out, and not the words around them: in a script without blanks a "word" is the whole text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from midb.domain.decisions import Reason, Violation
from midb.domain.defects import DefectKind, Finding, Invariant, Severity
from midb.domain.edits import Edit, NetEdit, compose
from midb.domain.pairs import Field, InstructionPair
from midb.text.inspection import FieldText, Inspection
from midb.text.languages import IDENTIFIABLE_LENGTH, same_language
from midb.text.protection import find_protected_spans
from midb.text.quantities.numbers import count_numbers
from midb.text.spans import Ranges

#: Repairs that are not about the length of a field leave it at least this many times as long.
SHORTEST = 0.6
#: And at most this many times.
LONGEST = 1.5
#: Characters by which it may shrink or grow besides, for the sake of short fields.
LENGTH_SLACK = 20

#: New findings that are named: one is enough to take a rewrite back, and an audit log keeps them all.
MOST_NEW_FINDINGS = 3
#: Characters of each that are shown.
_SHOWN = 60


def check_rewrite(
    before: Inspection,
    after: Inspection,
    stages: Sequence[Sequence[Edit]],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
    kinds: Mapping[str, DefectKind],
) -> list[Violation]:
    """Every way in which the rewritten pair is worse than the one before; empty where it may stand.

    ``stages`` are the edits of the decisions that lead from one to the other, ``findings`` what was found in each pair.
    ``kinds`` says by name what each repair may change; a kind that it does not know may change nothing.
    """
    violations: list[Violation] = []
    for old in before.fields:
        new = after.field(old.field)
        if new is None:
            violations.append(Violation(Reason.FIELD_EMPTIED, f"{old.field} is gone", old.field))
        elif new.text != old.text:
            net = compose(old.text, old.field, stages)
            violations += _check_field(old, new, net, kinds, before.locale.code)
    violations += find_new_findings(before.pair, after.pair, stages, findings)
    return violations


def _check_field(
    old: FieldText, new: FieldText, net: Sequence[NetEdit], kinds: Mapping[str, DefectKind], language: str
) -> list[Violation]:
    field = old.field.value
    violations: list[Violation] = []

    def keep_outside(invariant: Invariant) -> tuple[str, str]:
        """Both texts without the places where the invariant may change."""
        return _leave_out(old.text, new.text, _find_allowed(net, kinds, invariant))

    if old.text.strip() and not new.text.strip() and not _are_all_allowed(net, kinds, Invariant.CONTENT):
        violations.append(Violation(Reason.FIELD_EMPTIED, f"{field} would be empty", old.field))
    texts = keep_outside(Invariant.NUMBERS)
    if difference := _describe_difference(*map(count_numbers, texts)):
        violations.append(Violation(Reason.NUMBER_CHANGED, f"{field}: numbers differ: {difference}", old.field))
    texts = keep_outside(Invariant.PROTECTED)
    if difference := _describe_difference(*map(_count_protected, texts)):
        detail = f"{field}: protected spans differ: {difference}"
        violations.append(Violation(Reason.PROTECTED_SPAN_CHANGED, detail, old.field))
    texts = keep_outside(Invariant.LENGTH)
    before, after = map(len, texts)
    if not SHORTEST * before - LENGTH_SLACK <= after <= LONGEST * before + LENGTH_SLACK:
        detail = f"{field}: {before} characters became {after}"
        violations.append(Violation(Reason.LENGTH_CHANGED, detail, old.field))
    if not _are_all_allowed(net, kinds, Invariant.LANGUAGE) and has_left_language(old, new, language):
        detail = f"{field}: {old.language} became {new.language}"
        violations.append(Violation(Reason.LANGUAGE_CHANGED, detail, old.field))
    return violations


def _count_protected(text: str) -> Counter[str]:
    return Counter(text[span.start : span.end] for span in find_protected_spans(text))


def _describe_difference(old: Counter[str], new: Counter[str]) -> str:
    """What was lost and what was added, shortened; empty where nothing was."""
    lost, added = old - new, new - old
    parts = [f"-{text[:40]}" for text in list(lost)[:3]] + [f"+{text[:40]}" for text in list(added)[:3]]
    return ", ".join(parts)


def _find_allowed(net: Iterable[NetEdit], kinds: Mapping[str, DefectKind], invariant: Invariant) -> list[NetEdit]:
    """The edits that repair a kind of defect whose repairs may change the invariant."""
    return [edit for edit in net if any(invariant in kinds[name].may_change for name in edit.kinds if name in kinds)]


def _are_all_allowed(net: Sequence[NetEdit], kinds: Mapping[str, DefectKind], invariant: Invariant) -> bool:
    return len(_find_allowed(net, kinds, invariant)) == len(net)


def _leave_out(old: str, new: str, edits: Iterable[NetEdit]) -> tuple[str, str]:
    """Both texts without what the given edits touch; a blank stands for it, so that its neighbours do not join."""
    listed = list(edits)
    return (
        _cut_out(old, [(edit.start, edit.end) for edit in listed]),
        _cut_out(new, [(edit.after_start, edit.after_end) for edit in listed]),
    )


def _cut_out(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts = []
    position = 0
    for start, end in spans:
        parts.append(text[position:start])
        position = end
    parts.append(text[position:])
    return " ".join(parts)


def has_left_language(old: FieldText, new: FieldText, language: str) -> bool:
    """Whether a text that was in its language is in another one now; never where it is too short to tell.

    Nor where it has no words that could tell, as code has none: once its keywords are restored, a text that is all code
    is in no language.
    """
    if not _may_tell(new.text) or new.language is None or same_language(new.language, language):
        return False
    return same_language(old.language, language)


def _may_tell(text: str) -> bool:
    """Whether a text has letters enough to tell its language; a long one is seldom looked at to its end."""
    beginning = text[: 4 * IDENTIFIABLE_LENGTH]
    if sum(map(str.isalpha, beginning)) >= IDENTIFIABLE_LENGTH:
        return True
    return len(beginning) < len(text) and sum(map(str.isalpha, text)) >= IDENTIFIABLE_LENGTH


def find_new_findings(
    before: InstructionPair,
    after: InstructionPair,
    stages: Sequence[Sequence[Edit]],
    findings: tuple[Sequence[Finding], Sequence[Finding]],
) -> list[Violation]:
    """Findings of major severity or more that were not there before at the same place; three at most.

    ``stages`` are the edits of the decisions that lead from ``before`` to ``after``, ``findings`` those of each pair.
    """
    grave = [finding for finding in findings[1] if finding.severity is not Severity.MINOR]
    if not grave:
        return []
    places: dict[tuple[str, Field], list[tuple[int, int]]] = defaultdict(list)
    for old in findings[0]:
        places[old.kind, old.field].append((old.start, old.end))
    known = {key: Ranges(ranges) for key, ranges in places.items()}
    traces: dict[Field, _Trace] = {}
    violations: list[Violation] = []
    for finding in sorted(grave, key=lambda finding: list(Field).index(finding.field)):
        field = finding.field
        if field not in traces:
            traces[field] = _Trace(compose(before.text(field) or "", field, stages))
        start, end = traces[field].find(finding.start, first=True), traces[field].find(finding.end, first=False)
        if (finding.kind, field) not in known or not known[finding.kind, field].touch(start, end):
            text = (after.text(field) or "")[finding.start : finding.start + _SHOWN][: finding.end - finding.start]
            violations.append(Violation(Reason.NEW_FINDING, f"{field}: new {finding.kind}: {text}", field))
            if len(violations) == MOST_NEW_FINDINGS:
                break
    return violations


class _Trace:
    """Where the places of a text stood before its edits were made. ``net`` are the edits, in text order."""

    def __init__(self, net: Sequence[NetEdit]) -> None:
        self._net = net
        self._ends = [edit.after_end for edit in net]

    def find(self, position: int, *, first: bool) -> int:
        """The place in the text before; within an edit, the edit's beginning (``first``) or end."""
        index = bisect_right(self._ends, position)
        if index < len(self._net):
            edit = self._net[index]  # the first that ends behind the position
            if edit.after_start < position or (edit.after_start == position and not first):
                return edit.start if first else edit.end
        done = self._net[index - 1] if index else None
        return position + (done.end - done.after_end if done else 0)
