"""What a detector sees: one pair in one language, with everything that several detectors would compute twice."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar, cast

from midb.domain.pairs import Field, InstructionPair
from midb.locales import Locale
from midb.text.code.regions import find_possible_code
from midb.text.languages import IDENTIFIABLE_LENGTH, LanguageIdentifier, same_language
from midb.text.protection import find_protected_spans, merge_spans
from midb.text.quotations import find_quotations
from midb.text.spans import Protected, Span, Spans

#: Quotations of a task that are looked for in its response; a task with more of them is a text, and demands none.
_MOST_QUOTED = 50

_Told = TypeVar("_Told")


class FieldText:
    """One field of the pair under inspection: its text, and the same field of the English source if there is one."""

    def __init__(
        self,
        field: Field,
        text: str,
        source: str | None,
        identifier: LanguageIdentifier,
        demanded: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.field = field
        self.text = text
        self.source = source
        self._identifier = identifier
        self._demanded = demanded
        self._other: dict[str, bool] = {}
        self._told: dict[Callable[[FieldText], Any], Any] = {}

    def of_version(self, demanded: Callable[[], Iterable[str]]) -> FieldText:
        """The same field in another version of its pair, with all that was seen of its text; only what is ``demanded``
        is a matter of the other fields too."""
        later = FieldText.__new__(FieldText)
        vars(later).update(vars(self))
        later._demanded = demanded
        vars(later).pop("demanded", None)
        return later

    def tell(self, question: Callable[[FieldText], _Told]) -> _Told:
        """What a function says of this field; asked once. It may look at the text and its source, at nothing else, and
        not at what is ``demanded``."""
        if question not in self._told:
            self._told[question] = question(self)
        return cast(_Told, self._told[question])

    @functools.cached_property
    def protected(self) -> Spans:
        """Code, URLs, placeholders and the like in ``text``."""
        return find_protected_spans(self.text)

    @functools.cached_property
    def code(self) -> Spans:
        """What of ``text`` is program code (or the name of a file), and begins as such."""
        return self.protected.only(Protected.CODE)

    @functools.cached_property
    def possible_code(self) -> Spans:
        """What of ``text`` may be code, data or a formula, fenced or not: nothing that typography is about."""
        certain = [(span.start, span.end) for span in self.code]
        found = [Span(start, end, Protected.CODE) for start, end in find_possible_code(self.text, certain)]
        return Spans(merge_spans([*self.code, *found])) if found else self.code

    @functools.cached_property
    def demanded(self) -> Spans:
        """Where phrases stand that the record wants word for word: no mark of theirs is touched."""
        found = (find_phrase(phrase, self.text) for phrase in self._demanded())
        return Spans(merge_spans([span for spans in found for span in spans]))

    @functools.cached_property
    def source_protected(self) -> Spans:
        """Code, URLs, placeholders and the like in the source; empty where there is none."""
        return find_protected_spans(self.source or "")

    @functools.cached_property
    def language(self) -> str | None:
        """ISO 639-1 code of the language the text is written in, as identified (not as declared)."""
        return self._identifier.identify(self.text, self.protected)

    def is_in_another_language(self, code: str) -> bool:
        """Whether the text is certainly not in the language ``code``; never where it is too short to tell."""
        if len(self.text) < IDENTIFIABLE_LENGTH or self.language is None:
            return False
        return not same_language(self.language, code)

    def is_left_alone(self, code: str) -> bool:
        """Whether the text is surely in a language other than ``code`` and English: no rule of it holds then."""
        if code not in self._other:
            self._other[code] = self._identifier.is_in_another(self.text, code)
        return self._other[code]


class PairTask:
    """What a pair asks for: instruction and input, with their English source, which has its response too.

    The same in two versions of a pair that differ in the response; what was told of it is told for both.
    """

    def __init__(self, pair: InstructionPair, source: InstructionPair | None, locale: Locale) -> None:
        self.instruction = pair.instruction
        self.input = pair.input
        self.source = source
        self.locale = locale
        self._told: dict[Callable[[PairTask], Any], Any] = {}

    @functools.cached_property
    def texts(self) -> tuple[str, ...]:
        """The instructions and inputs of the pair and of its source that are not empty."""
        source = self.source or InstructionPair()
        return tuple(text for text in (self.instruction, self.input, source.instruction, source.input) if text)

    def tell(self, question: Callable[[PairTask], _Told]) -> _Told:
        """What a function says of this task; asked once."""
        if question not in self._told:
            self._told[question] = question(self)
        return cast(_Told, self._told[question])


@dataclass(frozen=True)
class Inspection:
    """One pair, its language's locale, and its English source where the corpus has it.

    ``typography`` says that conventions of print are asked for; ``demands`` are short texts of the record that are no
    field of the pair, such as the phrase that a check of the response looks for. Detectors read, they never change
    anything.
    """

    pair: InstructionPair
    locale: Locale
    identifier: LanguageIdentifier
    source: InstructionPair | None = None
    typography: bool = False
    demands: tuple[str, ...] = ()

    @functools.cached_property
    def fields(self) -> tuple[FieldText, ...]:
        """The fields the pair has, in reading order."""
        return tuple(self._make_field(field, text) for field, text in self.pair.texts())

    def of_version(self, pair: InstructionPair) -> Inspection:
        """The inspection of another version of this pair, which takes over what was seen of texts that are the same."""
        later = Inspection(pair, self.locale, self.identifier, self.source, self.typography, self.demands)
        vars(later)["fields"] = tuple(
            item.of_version(later._find_demanded)
            if (item := self.field(field)) and item.text == text
            else later._make_field(field, text)
            for field, text in pair.texts()
        )
        if later.has_task_of(self):
            vars(later)["task"] = self.task
        return later

    def _make_field(self, field: Field, text: str) -> FieldText:
        source = self.source.text(field) if self.source else None
        return FieldText(field, text, source, self.identifier, self._find_demanded)

    def has_task_of(self, other: Inspection) -> bool:
        """Whether instruction and input are those of another version of the pair."""
        return self.pair.instruction == other.pair.instruction and self.pair.input == other.pair.input

    def only(self, field: Field) -> Inspection:
        """The same inspection for a detector that is to look at one field: the only one of ``filled_fields``."""
        narrow = Inspection(self.pair, self.locale, self.identifier, self.source, self.typography, self.demands)
        vars(narrow).update(vars(self))
        vars(narrow)["filled_fields"] = tuple(item for item in self.filled_fields if item.field is field)
        return narrow

    @functools.cached_property
    def task(self) -> PairTask:
        """What the pair asks for."""
        return PairTask(self.pair, self.source, self.locale)

    def _find_demanded(self) -> tuple[str, ...]:
        return self._demanded

    @functools.cached_property
    def _demanded(self) -> tuple[str, ...]:
        """Phrases that are wanted word for word: those the record names, and those quoted in the task and used again.

        Where there is no response nobody can say which quotation will be looked for in it, so that all count.
        """
        texts = _texts_of_task(self.pair)
        found = (text[start:end].strip() for text in texts for start, end in find_quotations(text))
        quoted = list(islice(dict.fromkeys(found), _MOST_QUOTED))
        response = self.pair.response or ""
        used = [phrase for phrase in quoted if not response or phrase in response]
        return tuple(dict.fromkeys([*self.demands, *used]))

    def field(self, field: Field) -> FieldText | None:
        """One field, ``None`` where the pair does not have it."""
        for item in self.fields:
            if item.field is field:
                return item
        return None

    @functools.cached_property
    def is_asked_in_english(self) -> bool:
        """Whether the instruction itself is in English: what it is about is told by English words then."""
        item = self.field(Field.INSTRUCTION)
        return item is not None and self.locale.code != "en" and item.language == "en"

    @functools.cached_property
    def filled_fields(self) -> tuple[FieldText, ...]:
        """The fields that hold more than blanks."""
        return tuple(item for item in self.fields if item.text and not item.text.isspace())

    @functools.cached_property
    def tasks(self) -> tuple[str, ...]:
        """What the response answers: the instructions and inputs of the pair and of its source that are not empty."""
        return self.task.texts

    def tasks_beside(self, field: Field) -> list[str]:
        """The same but for the text of one field, which says nothing of itself."""
        asked = [item.text for item in self.fields if item.field is not Field.RESPONSE and item.field is not field]
        return [*filter(None, asked), *(_texts_of_task(self.source) if self.source else ())]


def _texts_of_task(pair: InstructionPair) -> tuple[str, ...]:
    """The instruction and the input, as far as the pair has them."""
    return tuple(text for text in (pair.instruction, pair.input) if text)


def find_phrase(phrase: str, text: str) -> list[Span]:
    """Every place where a phrase stands in a text that is more than the phrase.

    >>> [(span.start, span.end) for span in find_phrase("so?", "Why so? So.")], find_phrase("so?", "so?")
    ([(4, 7)], [])
    """
    if not phrase.strip() or len(phrase.strip()) >= len(text.strip()):
        return []
    return [Span(match.start(), match.end(), Protected.QUOTED) for match in re.finditer(re.escape(phrase), text)]


def join_texts(pair: InstructionPair | None) -> str:
    """All texts of a pair, each on lines of its own; empty for no pair.

    >>> join_texts(InstructionPair(instruction="Add 1 and 2.", response="3"))
    'Add 1 and 2.\\n3'
    """
    return "" if pair is None else "\n".join(text for _, text in pair.texts())


def join_task(pair: InstructionPair | PairTask) -> str:
    """Instruction and input of a pair or its task, each on lines of its own; empty lines stand for what is missing.

    >>> join_task(InstructionPair(instruction="Add 1 and 2.", response="3"))
    'Add 1 and 2.\\n'
    """
    return f"{pair.instruction or ''}\n{pair.input or ''}"
