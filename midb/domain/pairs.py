"""Instruction pairs: the unit that is inspected and rewritten. Knows nothing of files, formats or defects."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from midb.domain.hashing import digest


class Field(StrEnum):
    """The three texts of a pair."""

    INSTRUCTION = "instruction"
    INPUT = "input"
    RESPONSE = "response"


class InstructionPair(BaseModel):
    """An instruction, its optional input, and the response to it.

    ``None`` means that the corpus has no such field (a prompts-only corpus has no responses), which is not the same
    as an empty text.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    instruction: str | None = None
    input: str | None = None
    response: str | None = None

    def text(self, field: Field) -> str | None:
        """The text of one field, ``None`` where the pair has none."""
        if field is Field.RESPONSE:
            return self.response
        return self.instruction if field is Field.INSTRUCTION else self.input

    def texts(self) -> Iterator[tuple[Field, str]]:
        """The fields this pair has, in reading order."""
        if self.instruction is not None:
            yield Field.INSTRUCTION, self.instruction
        if self.input is not None:
            yield Field.INPUT, self.input
        if self.response is not None:
            yield Field.RESPONSE, self.response

    def replaced(self, texts: dict[Field, str]) -> InstructionPair:
        """The same pair with some texts replaced."""
        if not texts:
            return self
        return self.model_copy(update={field.value: text for field, text in texts.items()})

    def content_hash(self) -> str:
        """SHA-256 (hex) of the three texts, the same for the same texts on every machine.

        >>> InstructionPair(instruction="a").content_hash()[:12]
        '3f1790503780'
        """
        return digest(self.instruction, self.input, self.response)
