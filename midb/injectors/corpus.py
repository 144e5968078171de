"""A whole corpus with known defects: some of its pairs get one, and a key says which, where, and what stood there.

The corpus is read and written as a run does it: whatever its format and layout, what gets no defect stays byte for
byte. A record that cannot be read stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Self

import orjson

from midb.corpus.layouts import RecordError, Slots
from midb.corpus.opened import OpenedCorpus
from midb.corpus.output import GrowingFile, move_into_place
from midb.corpus.places import access_of, beside
from midb.corpus.raw import RawRecord, Tail
from midb.corpus.records import ParsedRecord
from midb.corpus.splice import Stages, add_stage
from midb.detectors import KindSelection, kinds
from midb.domain.errors import UsageError
from midb.domain.pairs import Field, InstructionPair
from midb.injectors import CleanPair, Injection, inject, injectors
from midb.locales import LANGUAGES


@dataclass
class Spoiled:
    """Pairs that were read, those that got a defect by kind, and records ``left`` as they were: no pair to be used."""

    pairs: int = 0
    defects: Counter[str] = field(default_factory=Counter)
    left: int = 0


class Spoiler:
    """Chooses the pairs that get a defect, and the defects: kinds that came seldom so far are tried first."""

    def __init__(self, selection: KindSelection, rate: float, seed: int) -> None:
        self._kinds = sorted(selection.names & injectors().keys())
        self._typography = selection.typography
        self._rate = rate
        self._seed = seed
        self.done = Spoiled()

    def choose_all(
        self, clean: CleanPair, writable: set[Field], key: str, number: int
    ) -> Iterator[tuple[str, Injection]]:
        """All that is put into a pair, each into one field: here one defect or none."""
        if (chosen := self.choose(clean, writable, key, number)) is not None:
            yield chosen

    def choose(self, clean: CleanPair, writable: set[Field], key: str, number: int) -> tuple[str, Injection] | None:
        """A kind and a defect for a pair, ``None`` where it stays as it is. Only fields of ``writable`` get one."""
        self.done.pairs += 1
        random = Random(f"{self._seed} {key} {number}")
        if random.random() >= self._rate:
            return None
        for kind in sorted(self._kinds, key=lambda kind: (self.done.defects[kind], random.random())):
            if kinds()[kind].abstention(clean.locale) or (kinds()[kind].needs_source and clean.source is None):
                continue
            seed = f"{self._seed} {key} {number}"
            injection = inject(kind, clean, seed, typography=self._typography)
            if injection and {edit.field for edit in injection.edits} <= writable:
                self.done.defects[kind] += 1
                return kind, injection
        return None


def spoil(opened: OpenedCorpus, output: Path, key: Path, spoiler: Spoiler) -> Spoiled:
    """Write the corpus with defects in it, and the key, one JSON object a line for each defect.

    Raises UsageError where something lies in either place: nothing is ever replaced.
    """
    reader = opened.reader()
    with _TwoFiles(opened, output, key) as files:
        tail = opened.container.cut()
        for position, item in enumerate(opened.container.read()):
            if isinstance(item, Tail):
                tail = item
                break
            if position == opened.limit:
                break
            body = None
            try:
                parsed = reader.parse(item, opened.source_of(item))
            except RecordError:
                spoiler.done.left += 1
            else:
                stages: Stages = {}
                for entry in _spoil_record(parsed, reader.language(parsed), spoiler, stages):
                    files.key.write(orjson.dumps(entry) + b"\n")
                body = reader.splice(item.body, stages) if stages else None
            files.keep(item, body)
        files.publish(tail)
    return spoiler.done


def _spoil_record(parsed: ParsedRecord, language: str, spoiler: Spoiler, stages: Stages) -> Iterator[dict[str, Any]]:
    """The lines of the key for one record; ``stages`` gets the edits."""
    if language not in LANGUAGES or parsed.unexamined:
        spoiler.done.left += 1
        return
    for number, (slot, source) in enumerate(zip(parsed.slots, parsed.sources, strict=True)):
        clean = CleanPair(_whole(slot), language, source)
        for kind, injection in spoiler.choose_all(clean, set(slot.paths), parsed.key, number):
            add_stage(stages, slot.paths, injection.edits)
            yield {
                "id": parsed.key,
                "pair": number,
                "language": language,
                "kind": kind,
                "form": injection.form,
                "field": injection.field.value,
                "expected": injection.expected.value,
                "places": [
                    {"start": start, "end": end, "before": edit.before, "after": edit.after}
                    for (start, end), edit in zip(injection.places(), injection.sorted_edits(), strict=True)
                ],
            }


def _whole(slot: Slots) -> InstructionPair:
    """The pair with the texts that it shares with another pair of the record."""
    return slot.pair.replaced(dict(slot.shared))


class _TwoFiles:
    """The corpus and its key while they are made, beside their places; both are moved there at the end, or neither."""

    def __init__(self, opened: OpenedCorpus, output: Path, key: Path) -> None:
        self._container = opened.container
        self._output_place, self._key_place = output, key
        for path in (output, key):
            if path.exists() or path.is_symlink():
                raise UsageError(f"{path} exists.", hint="Choose another -o or --key: nothing is replaced.")
            if not path.absolute().parent.is_dir():
                raise UsageError(
                    f"there is no folder {path.absolute().parent}.", hint="Make it first, or name another."
                )
        if output.absolute() == key.absolute():
            raise UsageError("the corpus and its key are the same file.", hint="Choose another --key.")
        self._mode = access_of(self._container.path)
        self._output = GrowingFile(beside(output, ".partial"), 0, self._mode)
        try:
            self.key = GrowingFile(beside(key, ".partial"), 0, self._mode)
        except BaseException:
            self._output.close()
            raise
        self._temporary = beside(output, ".temporary")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._output, self.key):
            file.path.unlink(missing_ok=True)
            file.close()
        self._temporary.unlink(missing_ok=True)

    def keep(self, raw: RawRecord, body: bytes | None) -> None:
        """Write a record with its new ``body``, or its own where that is ``None``, however long it is."""
        data = self._container.kept(raw, body, first=self._output.length == 0)
        end = len(data) - (len(raw.after) if raw.spool else 0)
        self._output.write(data[:end])
        for chunk in raw.chunks() if raw.spool else ():
            self._output.write(chunk)
        self._output.write(data[end:])

    def publish(self, tail: Tail) -> None:
        """Put both files into their places."""
        self._output.write(self._container.tail(tail, first=self._output.length == 0))
        self._output.sync()
        self.key.sync()
        GrowingFile(self._temporary, 0, self._mode).close()  # made here, so that nobody may read it too early
        made = self._container.finish(self._output.path, self._temporary)
        move_into_place(self.key.path, self._key_place)
        move_into_place(made, self._output_place)
