"""Texts in columns of their own: Alpaca, prompt/response, MEB, and whatever `--map` says."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from midb.corpus.layouts.base import RecordError, Slots, text_at
from midb.corpus.splice import Path
from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair


@dataclass(frozen=True)
class Columns:
    """Texts in top-level columns: Alpaca, prompt/response, MEB, whatever `--map` says.

    A missing or null response is an empty one (there is something to flag); a missing instruction is an error. A
    number, a list or an object where an input or a response is looked for is not examined.
    """

    name: str
    instruction: str
    input: str | None = None
    response: str | None = None

    def matches(self, record: Mapping[str, Any]) -> bool:
        return self.instruction in record and (self.response is None or self.response in record)

    def slots(self, record: Mapping[str, Any]) -> list[Slots]:
        instruction = text_at(record, self.instruction)
        if instruction is None:
            raise RecordError("missing-field", f'"{self.instruction}" is missing or null')
        texts: dict[Field, str] = {Field.INSTRUCTION: instruction}
        paths: dict[Field, Path] = {Field.INSTRUCTION: (self.instruction,)}
        skipped: list[str] = []
        for field, key in ((Field.INPUT, self.input), (Field.RESPONSE, self.response)):
            try:
                text = text_at(record, key) if key else None
            except RecordError as error:
                if error.reason != "field-not-text":
                    raise
                skipped.append(error.message)
                continue
            if key and text is not None:
                texts[field] = text
                paths[field] = (key,)
            elif key and field is Field.RESPONSE:
                texts[field] = ""
        return [Slots(InstructionPair(**{field.value: text for field, text in texts.items()}), paths, tuple(skipped))]


# Column names in the wild, folded (see fold). Real releases translate even the keys: AlpacaEval and MEB do.
_INSTRUCTION = (
    "instruction", "prompt", "question", "query", "raw instruction", "istruzione grezza", "التعليمات", "تعليمات",
    "инструкция", "inputs",
)  # fmt: skip
_INPUT = ("input", "context", "raw input", "input grezzo")
_RESPONSE = (
    "output", "response", "answer", "completion", "raw response", "risposta grezza", "generation", "targets", "target",
)  # fmt: skip
_NAMES = {
    ("instruction", "output"): "Alpaca",
    ("prompt", "response"): "prompt/response",
    ("raw instruction", "raw response"): "MEB",
    ("istruzione grezza", "risposta grezza"): "MEB",
}


def fold(key: str) -> str:
    """A column name without case, compatibility forms and outer blanks."""
    return unicodedata.normalize("NFKC", key).strip().casefold().replace("_", " ")


def columns_of(record: Mapping[str, Any]) -> Columns | None:
    """The column layout a record's keys suggest, ``None`` where no column holds an instruction."""
    folded = {fold(key): key for key in reversed(list(record))}

    def first(names: Sequence[str]) -> str | None:
        return next((name for name in names if name in folded), None)

    instruction, response, context = first(_INSTRUCTION), first(_RESPONSE), first(_INPUT)
    if instruction is None:
        return None
    name = _NAMES.get((instruction, response or ""), f"{instruction}/{response}" if response else "prompts only")
    return Columns(name, folded[instruction], context and folded[context], response and folded[response])


def parse_mapping(text: str) -> Columns:
    """The layout of `--map instruction=q,input=ctx,response=a`; raises UsageError for anything else."""
    hint = "Write --map instruction=COLUMN,input=COLUMN,response=COLUMN (instruction at least)"
    parts = text.split(",")
    given = dict(part.strip().split("=", 1) for part in parts if "=" in part)
    if len(given) != len(parts) or set(given) - {f.value for f in Field} or not all(given.values()):
        raise UsageError(f'--map "{text}" is not understood.', hint=hint)
    if "instruction" not in given:
        raise UsageError("--map names no instruction column.", hint=hint)
    if len(set(given.values())) != len(given):
        raise UsageError(f'--map "{text}" gives one column two meanings.', hint=hint)
    return Columns("mapped", given["instruction"], given.get("input"), given.get("response"))
