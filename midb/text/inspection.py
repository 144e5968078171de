"""What a detector sees: one pair in one language, with everything that several detectors would compute twice."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale
from midb.text.languages import LanguageIdentifier
from midb.text.protection import Spans, protected_spans


class FieldText:
    """One field of the pair under inspection: its text, and the same field of the English source if there is one."""

    def __init__(self, field: Field, text: str, source: str | None, identifier: LanguageIdentifier) -> None:
        self.field = field
        self.text = text
        self.source = source
        self._identifier = identifier

    @functools.cached_property
    def protected(self) -> Spans:
        """Code, URLs, placeholders and the like in ``text``."""
        return protected_spans(self.text)

    @functools.cached_property
    def source_protected(self) -> Spans:
        """The same for the source; empty where there is none."""
        return protected_spans(self.source or "")

    @functools.cached_property
    def language(self) -> str | None:
        """ISO 639-1 code of the language the text is written in, as identified (not as declared)."""
        return self._identifier.identify(self.text)


@dataclass(frozen=True)
class Inspection:
    """One pair, its language's locale, and its English source where the corpus has it.

    ``typography`` says that conventions of print are asked for. Detectors read, they never change anything.
    """

    pair: InstructionPair
    locale: Locale
    identifier: LanguageIdentifier
    source: InstructionPair | None = None
    typography: bool = False

    @functools.cached_property
    def fields(self) -> tuple[FieldText, ...]:
        """The fields the pair has, in reading order."""
        source = self.source or InstructionPair()
        return tuple(FieldText(field, text, source.text(field), self.identifier) for field, text in self.pair.texts())

    def field(self, field: Field) -> FieldText | None:
        """One field, ``None`` where the pair does not have it."""
        return next((item for item in self.fields if item.field is field), None)

    def written(self) -> Iterator[FieldText]:
        """The fields that hold more than blanks."""
        return (item for item in self.fields if item.text.strip())
