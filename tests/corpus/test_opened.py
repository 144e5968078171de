"""A corpus is opened in one place: its rules, its languages, its sources and how many records are to be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_runs import write_lines

from midb.corpus.formats.containers import open_container
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import open_corpus
from midb.corpus.raw import RawRecord
from midb.domain.errors import CorpusError
from midb.text.languages import LanguageIdentifier

ROWS = [
    {"frage": "Wie weit?", "antwort": "Zwei Meter."},
    {"frage": "Wie hoch?", "antwort": "Drei Meter."},
    {"frage": "Wie tief?", "antwort": "Vier Meter."},
]
MAPPING = parse_mapping("instruction=frage,response=antwort")
ENGLISH = [{"instruction": f"original {n}"} for n in range(3)]


def records(container: RecordsInMemory) -> list[RawRecord]:
    return [item for item in container.read() if isinstance(item, RawRecord)]


def test_what_was_asked_for_is_in_the_rules_that_workers_get() -> None:
    opened = open_corpus(RecordsInMemory(ROWS), language="de", mapping=MAPPING)
    assert (opened.rules.mapping, opened.rules.languages.fixed) == (MAPPING, "de")
    assert (opened.rules.usual, opened.rules.languages) == (opened.found.usual, opened.found.languages)
    parsed = opened.reader().parse(records(RecordsInMemory(ROWS))[1])
    assert parsed.slots[0].pair.response == "Drei Meter."
    assert opened.reader().language(parsed) == "de"


def test_how_a_corpus_escapes_is_found_out_for_its_rules() -> None:
    escaped = [{"instruction": "?", "output": json.loads('"\\u00e4"')}]
    assert open_corpus(RecordsInMemory(escaped), language="de").rules.ascii_only is False
    in_ascii = _Escaped(escaped)
    assert open_corpus(in_ascii, language="de").rules.ascii_only is True


class _Escaped(RecordsInMemory):
    """The same records, written in ASCII."""

    def body(self, position: int) -> bytes:
        return json.dumps(self._records[position]).encode()


@pytest.mark.parametrize(("limit", "count"), [(None, 3), (2, 2), (9, 3)])
def test_a_limit_counts_the_records_that_are_to_be_read(limit: int | None, count: int) -> None:
    assert open_corpus(RecordsInMemory(ROWS), language="de", mapping=MAPPING, limit=limit).records == count


def test_languages_are_found_out_unless_the_reader_knows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def identify(self: LanguageIdentifier, text: str) -> str:
        asked.append(text)
        return "de"

    monkeypatch.setattr(LanguageIdentifier, "identify", identify)
    assert open_corpus(RecordsInMemory(ROWS), mapping=MAPPING).rules.languages.usual == "de"
    assert len(asked) == len(ROWS)
    known = open_corpus(RecordsInMemory(ROWS), mapping=MAPPING, identify=False)
    assert known.rules.languages.usual is None
    assert len(asked) == len(ROWS)


@pytest.mark.parametrize("in_memory", [False, True])
def test_each_record_finds_its_english_original(in_memory: bool, tmp_path: Path) -> None:
    path = tmp_path / "en.jsonl"
    path.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in ENGLISH))
    source = RecordsInMemory(ENGLISH) if in_memory else path
    corpus = RecordsInMemory(ROWS)
    opened = open_corpus(corpus, language="de", mapping=MAPPING, source=source)
    found = [opened.source_of(raw) for raw in records(corpus)]
    assert [json.loads(body or b"null") for body in found] == ENGLISH
    assert opened.sources is not None
    assert opened.sources.described == "aligned by line"


def test_without_a_source_no_record_has_one() -> None:
    corpus = RecordsInMemory(ROWS)
    opened = open_corpus(corpus, language="de", mapping=MAPPING)
    assert [opened.source_of(raw) for raw in records(corpus)] == [None] * 3


def test_a_source_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be aligned"):
        open_corpus(RecordsInMemory(ROWS), language="de", mapping=MAPPING, source=RecordsInMemory(ENGLISH[:2]))
    with pytest.raises(CorpusError, match="no column holds an instruction"):
        open_corpus(RecordsInMemory(ROWS), language="de")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(CorpusError, match="is empty"):
        open_corpus(open_container(tmp_path / "empty.jsonl"))


QUESTIONS = [f"Wie viel ist {n} mal {n + 40}? Rechne bitte vor." for n in range(11, 41)]


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("shift", [0, 1])
def test_originals_that_are_off_by_a_line_are_not_used(tmp_path: Path, shift: int, within: bool) -> None:
    originals = [{"instruction": f"What is {n} times {n + 40}?", "output": f"{n * (n + 40)}"} for n in range(11, 41)]
    originals = originals[shift:] + originals[:shift]
    rows: list[dict[str, object]] = [{"instruction": one, "output": "Das weiß ich nicht."} for one in QUESTIONS]
    if within:
        rows = [row | {"source": original} for row, original in zip(rows, originals, strict=True)]
    corpus = write_lines(tmp_path / "c.jsonl", *rows)
    english = None if within else write_lines(tmp_path / "en.jsonl", *originals)
    opened = open_corpus(open_container(corpus), language="de", source=english)
    told = [warning for warning in opened.found.warnings if "do not fit their records" in warning]
    assert len(told) == shift
    assert not shift or ("100% of the English originals" in told[0] and "none is used" in told[0])
    reader = opened.reader()
    raws = [item for item in opened.container.read() if isinstance(item, RawRecord)]
    used = [reader.parse(raw, opened.source_of(raw)).sources[0] is not None for raw in raws]
    assert used == [not shift] * len(raws)


def test_one_original_that_does_not_fit_is_left_out(tmp_path: Path) -> None:
    wrong = {"instruction": "What is 999 times 888?", "output": "887112"}
    right = {"instruction": "What is 11 times 51?", "output": "561"}
    rows = [{"instruction": QUESTIONS[0], "output": "561", "source": source} for source in (wrong, right)]
    opened = open_corpus(open_container(write_lines(tmp_path / "c.jsonl", *rows)), language="de")
    reader = opened.reader()
    parsed = [reader.parse(item) for item in opened.container.read() if isinstance(item, RawRecord)]
    assert [(record.misfit, bool(record.sources[0])) for record in parsed] == [
        ("it has other numbers", False),
        ("", True),
    ]
