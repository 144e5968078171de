"""Records of one corpus are read by the rules that were found out for it, in whatever process."""

from __future__ import annotations

import pickle

import pytest

from midb.corpus.language_plan import LanguagePlan
from midb.corpus.layouts import LayoutFinder, RecordError, parse_mapping
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules, RecordReader
from midb.corpus.splice import add_stage
from midb.domain.edits import Edit
from midb.domain.pairs import Field, InstructionPair
from midb.text.languages import LanguageIdentifier

ANY = LanguagePlan()


class Listening(LanguageIdentifier):
    """Remembers the texts it is asked about, and takes them for Czech."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def identify(self, text: str, protected: object = None) -> str | None:
        self.asked.append(text)
        return "cs"


def reader(languages: LanguagePlan = ANY, *, mapping: str = "", ascii_only: bool = False) -> RecordReader:
    columns = parse_mapping(mapping) if mapping else None
    return RecordReader(ReadingRules(languages=languages, mapping=columns, ascii_only=ascii_only), Listening())


def test_the_user_s_columns_are_read() -> None:
    raw = RawRecord.alone(b'{"id": "a", "q": "Frage", "a": "Antwort", "instruction": "no"}')
    parsed = reader(mapping="instruction=q,response=a").parse(raw)
    assert (parsed.key, parsed.slots[0].pair) == ("a", InstructionPair(instruction="Frage", response="Antwort"))


def test_what_is_usual_in_the_corpus_says_what_a_record_lacks() -> None:
    usual = LayoutFinder().find({"instruction": "x", "input": "", "output": "y"})
    body = RawRecord.alone(b'{"instruction": "Frage"}')
    (alone,) = reader().parse(body).slots
    rules = ReadingRules(languages=ANY, usual=usual)
    (among_others,) = RecordReader(rules, Listening()).parse(body).slots
    assert (alone.pair.response, among_others.pair.response) == (None, "")


def test_a_source_from_another_file_is_the_record_s_original() -> None:
    raw = RawRecord.alone(b'{"instruction": "Frage", "output": "Antwort"}')
    parsed = reader().parse(raw, b'{"instruction": "Question", "output": "Answer"}')
    assert parsed.sources == (InstructionPair(instruction="Question", response="Answer"),)


def test_what_cannot_be_read_has_a_reason() -> None:
    with pytest.raises(RecordError) as caught:
        reader().parse(RawRecord.alone(b"[]"))
    assert caught.value.reason == "not-an-object"


def test_a_language_is_settled_by_the_plan_and_only_then_by_all_texts() -> None:
    raw = RawRecord.alone(b'{"id": "de-1", "instruction": "Frage", "input": "Daten", "output": "Antwort"}')
    for plan in (LanguagePlan(fixed="de"), LanguagePlan(by_prefix=True), LanguagePlan(usual="de")):
        decided = reader(plan)
        assert decided.language(decided.parse(raw)) == "de"
        assert isinstance(decided.identifier, Listening)
        assert decided.identifier.asked == []
    undecided = reader()
    assert undecided.language(undecided.parse(raw)) == "cs"
    assert isinstance(undecided.identifier, Listening)
    assert undecided.identifier.asked == ["Antwort\nFrage\nDaten"]


@pytest.mark.parametrize(("ascii_only", "written"), [(False, "größer".encode()), (True, b"gr\\u00f6\\u00dfer")])
def test_edits_are_written_as_the_corpus_writes(ascii_only: bool, written: bytes) -> None:
    body = b'{"instruction": "x", "output": "groesser"}'
    records = reader(ascii_only=ascii_only)
    (slot,) = records.parse(RawRecord.alone(body)).slots
    stages: dict[tuple[str | int, ...], list[list[Edit]]] = {}
    add_stage(stages, slot.paths, [Edit(Field.RESPONSE, 0, 8, "groesser", "größer", "spelling")])
    assert records.splice(body, stages) == body.replace(b"groesser", written)


def test_the_rules_cross_to_other_processes() -> None:
    usual = LayoutFinder().find({"messages": [{"role": "user", "content": "x"}]})
    rules = ReadingRules(
        languages=LanguagePlan(usual="de"), usual=usual, mapping=parse_mapping("instruction=q"), ascii_only=True
    )
    assert pickle.loads(pickle.dumps(rules)) == rules
