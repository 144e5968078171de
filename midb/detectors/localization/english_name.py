"""English placeholder names: John Smith, John Doe and Jane Doe in a form or an example, as the English source has them.

Every language has such names of its own, which the evidence gives. Other English names are left alone: whether a story
may be about a Sarah is a matter of taste. So are texts about the persons who are really called so. Flagged only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

from midb.domain.defects import DefectFamily, DefectKind, Finding, Severity
from midb.locales import LocaleSection, load
from midb.text.inspection import Inspection, join_texts
from midb.text.words import holds_any


class PlaceholderNames(LocaleSection, table="placeholder_names"):
    """``native``: whom forms and examples name; ``english``: how the English ones are written, beside Latin letters."""

    native: str
    english: tuple[str, ...] = ()


ENGLISH_NAME = DefectKind(
    name="english-name",
    family=DefectFamily.LOCALIZATION,
    severity=Severity.MINOR,
    summary="John Smith or John Doe, where forms and examples have names of their own",
    needs_source=True,
    needs=(PlaceholderNames,),
)
KINDS = (ENGLISH_NAME,)

_IN_SOURCE = re.compile(r"\b(?:John|Jane) (?:Doe|Smith)\b")
_BEGINNINGS = ("John ", "Jane ")
#: Persons who are really called so, and cases in court.
_REAL = re.compile(
    r"\b(?:captain|pocahontas|jamestown|virginia|colon(?:y|ies|ist)\w*|explorer|mormon|joseph smith|1[5-8]\d\d|v\.|vs\."
    r"|wikipedia|actor|actress|film|movie|novel|senator|congress\w*|placeholder|pseudonym|unidentified)(?!\w)",
    re.IGNORECASE,
)


def detect(inspection: Inspection) -> Iterator[Finding]:
    """The first placeholder name of each field whose source has one."""
    source, names = inspection.source, inspection.locale.get(PlaceholderNames)
    if source is None or names is None:
        return
    english = join_texts(source)
    if not holds_any(english, _BEGINNINGS) or not _IN_SOURCE.search(english) or _REAL.search(english):
        return
    for item in inspection.fields:
        match = _load_pattern(inspection.locale.code).search(item.text)
        if match and _IN_SOURCE.search(item.source or "") and not item.protected.overlaps(*match.span()):
            evidence = f"{match.group()} is English; such names here are {names.native}"
            yield ENGLISH_NAME.finding(item.field, match.start(), match.end(), evidence)


@functools.cache
def _load_pattern(code: str) -> re.Pattern[str]:
    """The placeholder names of English in a text of a language."""
    names = load(code).get(PlaceholderNames)
    forms = sorted(names.english if names else (), key=len, reverse=True)
    written = [re.escape(form.rstrip("*")) + (r"\w*" if form.endswith("*") else "") for form in forms]
    return re.compile("|".join([r"(?<![\w@./])(?:John|Jane) (?:Doe|Smith)(?![\w@])", *written]))
