"""What can be wrong with a pair: families, severities, kinds, findings. Knows no language and no detector."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from midb.domain.edits import Edit
from midb.domain.pairs import Field

if TYPE_CHECKING:
    from midb.locales import Locale, LocaleSection


class DefectFamily(StrEnum):
    """Where a defect comes from; each family has a pass of its own."""

    CONTENT = "content"
    TRANSLATION = "translation"
    LOCALIZATION = "localization"


class Severity(StrEnum):
    """MQM severities (https://themqm.org/): minor is noticed, major misleads, critical makes the pair useless."""

    MINOR = "minor"
    MAJOR = "major"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


class FindingStatus(StrEnum):
    """What became of a finding: repaired by an edit, still open, or gone with another repair."""

    REPAIRED = "repaired"
    OPEN = "open"
    DISMISSED = "dismissed"


class Invariant(StrEnum):
    """What a repair must leave as it is, unless its kind says otherwise (DefectKind.may_change)."""

    NUMBERS = "numbers"
    PROTECTED = "protected"
    LANGUAGE = "language"
    LENGTH = "length"
    CONTENT = "content"  # the field may become empty


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectKind:
    """One kind of defect, as `midb-agent kinds` lists it.

    ``repairs``: some findings of this kind carry a provable repair. ``needs_source``: nothing is found without the
    English source. ``convention``: a convention of print, examined only with ``--typography``. ``needs``: the locale
    tables without which the detector abstains. ``may_change``: the invariants its repairs are allowed to touch.
    ``explains``: kinds that are only symptoms of this one where their findings overlap, and are then not reported.
    """

    name: str
    family: DefectFamily
    severity: Severity
    summary: str
    repairs: bool = False
    needs_source: bool = False
    convention: bool = False
    needs: tuple[type[LocaleSection], ...] = ()
    may_change: frozenset[Invariant] = frozenset()
    explains: frozenset[str] = frozenset()

    def abstention(self, locale: Locale) -> str | None:
        """Why this kind is not examined in a language, or ``None`` where it is."""
        if reason := locale.abstain.get(self.name):
            return reason
        for section in self.needs:
            if locale.get(section) is None:
                return f"no [{section.table}] table for {locale.name}"
        return None

    def finding(
        self,
        field: Field,
        start: int,
        end: int,
        evidence: str,
        *,
        fix: tuple[Edit, ...] = (),
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this kind; its severity is the kind's unless given."""
        return Finding(self.name, self.family, severity or self.severity, field, start, end, evidence, fix)

    def edit(self, field: Field, start: int, before: str, after: str) -> Edit:
        """An edit that repairs a defect of this kind: ``before`` stands at ``start``."""
        return Edit(field, start, start + len(before), before, after, self.name)


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect at one place: ``[start, end)`` counts code points of the field as it was inspected.

    ``evidence`` is a short phrase a person can check. ``fix`` holds the edits that repair it, where that is provable.
    ``detector`` names the module that found it; `inspect` fills it in.
    """

    kind: str
    family: DefectFamily
    severity: Severity
    field: Field
    start: int
    end: int
    evidence: str
    fix: tuple[Edit, ...] = ()
    detector: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What the same defect keeps in another version of the text, where it may stand at another place."""
        return self.kind, self.field.value, self.evidence


class SwitchedPart(StrEnum):
    """What of a kind is switched off in a language, because people said that it is wrong there too often."""

    REPAIRS = "repairs"  # what carries a repair is found, and only flagged
    REPAIRABLE = "repairable"  # what carries a repair is not reported either
    FINDINGS = "findings"  # what carries no repair is not reported
    REWRITES = "rewrites"  # a model is not asked by the pass after which the kind is named


@dataclass(frozen=True, slots=True, order=True)
class SwitchedOff:
    """A part of a kind that is switched off in a language. ``engine``: the model whose rewrites they were, if any."""

    kind: str
    language: str
    part: SwitchedPart
    engine: str = ""

    @classmethod
    def parse(cls, text: str) -> SwitchedOff:
        """Read what `describe` wrote; raises ValueError for anything else.

        >>> SwitchedOff.parse("mojibake de repairs").part.value
        'repairs'
        >>> SwitchedOff.parse("content-rewrite tr rewrites model 1").engine
        'model 1'
        """
        kind, language, part, *engine = text.split(" ", 3)
        return cls(kind, language, SwitchedPart(part), "".join(engine))

    def describe(self) -> str:
        """As settings hold it."""
        return " ".join(filter(None, (self.kind, self.language, self.part, self.engine)))
