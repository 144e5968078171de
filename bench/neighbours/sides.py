"""The sides that are compared: this program, ftfy alone, and data-juicer's mappers. All get the same pairs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import ftfy

from midb.agent.run.examine import Examiner, ExaminerSettings
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules
from midb.detectors import KindSelection
from midb.domain.pairs import Field, InstructionPair
from midb.domain.results import RecordResult
from midb.injectors import CleanPair

#: Names the Python that has data-juicer installed.
JUICER_PYTHON = "DATA_JUICER_PYTHON"
_JUICER = Path(__file__).with_name("juicer.py")
HOW_TO_INSTALL = (
    "data-juicer is not compared, for it is not installed: python -m venv juicer; "
    f"juicer/bin/pip install py-data-juicer aiohttp selectolax; {JUICER_PYTHON}=juicer/bin/python"
)

#: Mappers that repair, and those that also take something away or make marks and blanks alike.
FIX = ("fix_unicode_mapper",)
FIX_AND_CLEAN = (
    "clean_email_mapper",
    "clean_links_mapper",
    "fix_unicode_mapper",
    "punctuation_normalization_mapper",
    "whitespace_normalization_mapper",
)

#: Records that are examined at once, as in a run.
_BATCH = 32


@dataclass(frozen=True)
class Cleaned:
    """What a side made of some pairs: the pairs after it, how many ``told`` that something is wrong, and the seconds of
    processor time it took."""

    pairs: tuple[InstructionPair, ...]
    told: tuple[bool, ...]
    seconds: float


@dataclass(frozen=True)
class Cleaner:
    """One way to clean pairs. A pair comes with its language and its English source, which only this program reads."""

    name: str
    clean: Callable[[Sequence[CleanPair]], Cleaned]


def sides() -> Iterator[Cleaner]:
    """Every side that is installed here; says on stderr which one is not, and how to install it."""
    yield Cleaner("midb-agent", _examine)
    yield Cleaner(f"ftfy {version('ftfy')}", _fix)
    python = os.environ.get(JUICER_PYTHON, sys.executable)
    asked = subprocess.run([python, "-c", "import data_juicer"], capture_output=True, check=False)
    if asked.returncode:
        print(HOW_TO_INSTALL, file=sys.stderr)
        return
    yield Cleaner("data-juicer, fix", lambda pairs: _squeeze(python, FIX, pairs))
    yield Cleaner("data-juicer, fix and clean", lambda pairs: _squeeze(python, FIX_AND_CLEAN, pairs))


def _examine(pairs: Sequence[CleanPair]) -> Cleaned:
    """Examined, repaired and verified as in a run: records in, records out. Nothing is logged."""
    rules = ReadingRules(languages=LanguagePlan())
    examiner = Examiner(ExaminerSettings(rules=rules, selection=KindSelection.parse()))
    records = [(RawRecord.alone(_write(one), number), None) for number, one in enumerate(pairs)]
    examiner.examine_batch(records[:_BATCH])
    started = time.process_time()
    results = [
        result
        for start in range(0, len(records), _BATCH)
        for result in examiner.examine_batch(records[start : start + _BATCH])
    ]
    seconds = time.process_time() - started
    read = [result for result in results if isinstance(result, RecordResult)]
    if len(read) < len(pairs):
        raise ValueError("a pair that was to be compared cannot be read")
    return Cleaned(
        tuple(result.pairs[0].final for result in read),
        tuple(bool(result.pairs[0].findings) for result in read),
        seconds,
    )


def _write(clean: CleanPair) -> bytes:
    """A pair as a record of a corpus."""
    record = {"language": clean.language, **clean.pair.model_dump()}
    if clean.source is not None:
        record["source"] = clean.source.model_dump()
    return json.dumps(record).encode()


def _fix(pairs: Sequence[CleanPair]) -> Cleaned:
    """``ftfy.fix_text`` with its defaults."""
    texts = _texts(pairs)
    started = time.process_time()
    fixed = [ftfy.fix_text(text) for text in texts]
    return _put_back(pairs, fixed, time.process_time() - started)


def _squeeze(python: str, mappers: Sequence[str], pairs: Sequence[CleanPair]) -> Cleaned:
    request = json.dumps({"mappers": mappers, "texts": _texts(pairs)})
    done = subprocess.run([python, str(_JUICER)], input=request, capture_output=True, text=True, check=True)
    reply = json.loads(done.stdout)
    return _put_back(pairs, reply["texts"], reply["seconds"])


def _texts(pairs: Sequence[CleanPair]) -> list[str]:
    return [text for clean in pairs for _, text in clean.pair.texts()]


def _put_back(pairs: Sequence[CleanPair], texts: Sequence[str], seconds: float) -> Cleaned:
    """The pairs with new texts, in the order of ``_texts``. Who only changes texts tells nothing but that."""
    upcoming = iter(texts)
    after = []
    for clean in pairs:
        new: dict[Field, str] = {field: next(upcoming) for field, _ in clean.pair.texts()}
        after.append(clean.pair.replaced(new))
    told = tuple(pair != clean.pair for pair, clean in zip(after, pairs, strict=True))
    return Cleaned(tuple(after), told, seconds)
