"""Detectors: one small module (or package) per group of kinds, in the folder of their family.

A detector names the kinds it finds in ``KINDS`` and finds them in ``detect(inspection)``. Nothing else registers it:
that it stands in ``content``, ``translation`` or ``localization`` does. What it needs to know about a language it reads
from a LocaleSection (see midb.locales); what several detectors need to know about text is in midb.text.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from midb.domain.defects import DefectFamily, DefectKind, Finding, Invariant, SwitchedOff, SwitchedPart
from midb.domain.edits import apply_to_text
from midb.domain.errors import UsageError
from midb.domain.pairs import Field
from midb.locales import LANGUAGES, Locale
from midb.text.inspection import Inspection
from midb.text.spans import Ranges

#: Findings of one pair, beyond which it is no text that anybody wrote: 16 MiB of them would take gigabytes of memory.
MOST_FINDINGS = 100_000


class TooManyFindingsError(Exception):
    """A pair in which there is no end of findings; the message says so in words that can follow a colon."""


class Detector(Protocol):
    """What a module in the folder of a family looks like."""

    __name__: str
    KINDS: tuple[DefectKind, ...]

    def detect(self, inspection: Inspection) -> Iterator[Finding]:
        """Every finding of this module's kinds, in any order."""
        ...


def looks_field_by_field(detector: Detector) -> bool:
    """Whether a detector says of itself (``FIELD_BY_FIELD = True``) that it looks at ``filled_fields`` one after the
    other, and that what it finds in one depends on this field, the instruction, the input and the source alone.

    Where another version of a pair has another response it need not look at the rest again.
    """
    return getattr(detector, "FIELD_BY_FIELD", False)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of one version of a pair: its findings in reading order, and those of each detector as it told
    them."""

    inspection: Inspection
    findings: list[Finding]
    told: Mapping[str, Sequence[Finding]]


@functools.cache
def detectors() -> tuple[Detector, ...]:
    """The detectors of all families, by name."""
    found = []
    for family in DefectFamily:
        package = importlib.import_module(f"{__name__}.{family.value}")
        found += [(module.name, package.__name__) for module in pkgutil.iter_modules(package.__path__)]
    return tuple(importlib.import_module(f"{package}.{name}") for name, package in sorted(found))


@functools.cache
def kinds() -> dict[str, DefectKind]:
    """Every kind by name, ordered by family as the passes visit them, then by name."""
    found = [kind for detector in detectors() for kind in detector.KINDS]
    order = {family: index for index, family in enumerate(DefectFamily)}
    return {kind.name: kind for kind in sorted(found, key=lambda kind: (order[kind.family], kind.name))}


@dataclass(frozen=True)
class KindSelection:
    """Which kinds a run examines. ``typography`` adds the conventions of print; ``switched_off`` is what people said is
    wrong too often in a language."""

    names: frozenset[str]
    typography: bool = False
    switched_off: frozenset[SwitchedOff] = frozenset()

    @classmethod
    def parse(cls, options: Collection[str] = (), *, typography: bool = False) -> KindSelection:
        """Start from the default kinds and add (``+kind``) or remove (``-kind``) some.

        Naming a convention of print with ``+`` selects it without ``--typography``. Raises UsageError for an unknown
        kind, naming the nearest, and for one without a sign, which could mean either.
        """
        names = {kind.name for kind in kinds().values() if typography or not kind.convention}
        for option in options:
            name = option.lstrip("+-")
            if name not in kinds():
                raise _unknown_kind_error(name)
            if option[0] not in "+-":
                raise UsageError(
                    f'"{name}" is neither added nor left out.',
                    hint=f"--only {name} examines it alone; --kinds=+{name} adds it, --kinds=-{name} leaves it out.",
                )
            if option.startswith("-"):
                names.discard(name)
            else:
                names.add(name)
        return cls(frozenset(names), typography)


def select_only(names: Collection[str], *, typography: bool = False) -> KindSelection:
    """Examine these kinds and no others; raises UsageError for an unknown one, naming the nearest."""
    for name in names:
        if name not in kinds():
            raise _unknown_kind_error(name.lstrip("+-") if name.lstrip("+-") not in kinds() else name)
    return KindSelection(frozenset(names), typography)


def _unknown_kind_error(name: str) -> UsageError:
    """The error for a kind that no detector finds; its hint names the nearest one."""
    near = difflib.get_close_matches(name, kinds(), n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    return UsageError(f'unknown kind "{name}".', hint=f"{meant}midb-agent kinds lists all.")


def drop_symptoms(findings: list[Finding]) -> list[Finding]:
    """The findings without those that another one explains (DefectKind.explains): one defect is reported once."""
    causes: dict[tuple[str, Field], list[tuple[int, int]]] = defaultdict(list)
    for found in findings:
        for symptom in kinds()[found.kind].explains:
            start = min([found.start, *(edit.start for edit in found.fix)])
            end = max([found.end, *(edit.end for edit in found.fix)])
            causes[symptom, found.field].append((start, end))
    if not causes:
        return findings
    explained = {key: Ranges(ranges) for key, ranges in causes.items()}

    def is_explained(finding: Finding) -> bool:
        ranges = explained.get((finding.kind, finding.field))
        return ranges is not None and ranges.overlap(finding.start, finding.end)

    return [finding for finding in findings if not is_explained(finding)]


def leave_other_languages(findings: list[Finding], inspection: Inspection) -> list[Finding]:
    """The findings without what the rules of a language say of a text in another one.

    Its conventions do not hold there, and what repairs by its words and letters would repair nothing: other defects are
    told, and left.
    """
    code = inspection.locale.code
    if code not in LANGUAGES:
        return findings
    fields = {item.field: item for item in inspection.fields}
    kept = []
    for finding in findings:
        bound = finding.family is DefectFamily.LOCALIZATION
        if (bound or finding.fix) and (item := fields.get(finding.field)) and item.is_left_alone(code):
            if bound:
                continue
            if not _restores_language(finding, item.text, inspection):
                finding = replace(finding, fix=())
        kept.append(finding)
    return kept


def _restores_language(finding: Finding, text: str, inspection: Inspection) -> bool:
    """Whether a text is in its language after all once a finding is repaired: it was only damaged, or had a label."""
    if Invariant.LANGUAGE not in kinds()[finding.kind].may_change:
        return False
    code = inspection.locale.code
    repaired = apply_to_text(text, [edit for edit in finding.fix if edit.field is finding.field])
    return inspection.identifier.identify(repaired) == code and not inspection.identifier.is_in_another(repaired, code)


@functools.lru_cache(maxsize=64)
def find_switched_off(off: frozenset[SwitchedOff], language: str) -> Mapping[str, frozenset[SwitchedPart]]:
    """What is switched off in a language, by kind."""
    found: defaultdict[str, set[SwitchedPart]] = defaultdict(set)
    for one in off:
        if one.language == language:
            found[one.kind].add(one.part)
    return {kind: frozenset(parts) for kind, parts in found.items()}


def _is_reported(finding: Finding, off: Mapping[str, frozenset[SwitchedPart]]) -> bool:
    part = SwitchedPart.REPAIRABLE if finding.fix else SwitchedPart.FINDINGS
    return part not in off.get(finding.kind, ())


def _leave_to_people(finding: Finding, off: Mapping[str, frozenset[SwitchedPart]]) -> Finding:
    """The finding without its repair, where repairs of its kind are switched off."""
    return replace(finding, fix=()) if SwitchedPart.REPAIRS in off.get(finding.kind, ()) else finding


@functools.lru_cache(maxsize=64)
def _choose_detectors(
    locale: Locale, selection: KindSelection, has_source: bool
) -> tuple[tuple[Detector, str, frozenset[str], bool], ...]:
    """The detectors to be asked about texts in a language, each with its name, which of its kinds are wanted, and
    whether it looks field by field."""
    chosen = []
    for detector in detectors():
        wanted = frozenset(
            kind.name
            for kind in detector.KINDS
            if kind.name in selection.names
            and kind.abstention(locale) is None
            and (has_source or not kind.needs_source)
        )
        if wanted:
            name = detector.__name__.rpartition(".")[2]
            chosen.append((detector, name, wanted, looks_field_by_field(detector)))
    return tuple(chosen)


def inspect(inspection: Inspection, selection: KindSelection) -> list[Finding]:
    """Every finding of the selected kinds, in reading order. Kinds abstain where they do not know the language.

    Raises TooManyFindingsError.
    """
    return look(inspection, selection).findings


def look(inspection: Inspection, selection: KindSelection, earlier: Look | None = None) -> Look:
    """What `inspect` finds, and what is needed to look at the next version of the pair. ``earlier`` is the look at a
    version before (Inspection.of_version), for the same selection.

    Raises TooManyFindingsError.
    """
    told: dict[str, Sequence[Finding]] = {}
    count = 0
    again = earlier is not None and inspection.has_task_of(earlier.inspection)
    known = earlier.told if earlier is not None and again else {}
    response = inspection.only(Field.RESPONSE) if again else inspection
    chosen = _choose_detectors(inspection.locale, selection, inspection.source is not None)
    for detector, name, wanted, by_field in chosen:
        found: list[Finding] = []
        if by_field and name in known:
            found += [finding for finding in known[name] if finding.field is not Field.RESPONSE]
        for finding in detector.detect(response if by_field else inspection):
            if finding.kind in wanted:
                found.append(replace(finding, detector=name))
                if count + len(found) > MOST_FINDINGS:
                    raise TooManyFindingsError(f"it has more than {MOST_FINDINGS:,} findings")
        if found:
            told[name] = found
            count += len(found)
    findings = _sift([finding for found in told.values() for finding in found], inspection, selection)
    return Look(inspection, findings, told)


def _sift(findings: list[Finding], inspection: Inspection, selection: KindSelection) -> list[Finding]:
    """The findings that are reported of those that detectors told, in reading order."""
    if not findings:
        return findings
    off = find_switched_off(selection.switched_off, inspection.locale.code) if selection.switched_off else {}
    if off:  # what is a false alarm explains nothing; what is only flagged does
        findings = [finding for finding in findings if _is_reported(finding, off)]
    findings = leave_other_languages(drop_symptoms(findings), inspection)
    if off:
        findings = [_leave_to_people(finding, off) for finding in findings]
    fields = {item.field: index for index, item in enumerate(inspection.fields)}
    return sorted(findings, key=lambda f: (fields.get(f.field, 0), f.start, f.end, f.kind))
