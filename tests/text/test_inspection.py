"""What a detector sees of a pair: its fields, its task, and what several detectors would compute twice."""

from __future__ import annotations

from examining import inspection, respond

from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.inspection import FieldText, Inspection, PairTask, find_phrase, join_task, join_texts
from midb.text.languages import LanguageIdentifier
from midb.text.spans import Spans

PAIR = InstructionPair(instruction="Nenne `x`.", input=" ", response="Ja, {name}.")
SOURCE = InstructionPair(instruction="Name `x`.", input="", response="Yes, {name} at http://a.example.")


class CountingIdentifier(LanguageIdentifier):
    """Says always the same, and remembers how often it was asked."""

    def __init__(self, language: str | None) -> None:
        self.language = language
        self.asked = 0

    def identify(self, text: str, protected: Spans | None = None) -> str | None:
        self.asked += 1
        return self.language


def test_fields_stand_in_reading_order_beside_their_source() -> None:
    seen = inspection("de", PAIR, SOURCE)
    assert [(item.field, item.source) for item in seen.fields] == [
        (Field.INSTRUCTION, "Name `x`."),
        (Field.INPUT, ""),
        (Field.RESPONSE, "Yes, {name} at http://a.example."),
    ]
    assert [item.field for item in seen.filled_fields] == [Field.INSTRUCTION, Field.RESPONSE]


def test_a_field_that_the_pair_does_not_have() -> None:
    seen = inspection("de", respond("Ja."))
    assert seen.field(Field.INPUT) is None
    assert [item.source for item in seen.fields] == [None, None]


def test_protected_spans_of_both_texts() -> None:
    item = inspection("de", PAIR, SOURCE).field(Field.RESPONSE)
    assert item is not None
    assert [span.reason for span in item.protected] == ["placeholder"]
    assert len(item.code) == 0
    assert [span.reason for span in item.source_protected] == ["placeholder", "url"]
    instruction = inspection("de", PAIR).field(Field.INSTRUCTION)
    assert instruction is not None
    assert [(span.start, span.end) for span in instruction.code] == [(6, 9)]
    assert len(instruction.source_protected) == 0


def test_a_language_is_identified_once() -> None:
    identifier = CountingIdentifier("fr")
    item = FieldText(Field.RESPONSE, "x" * 50, None, identifier)
    assert (item.language, item.language) == ("fr", "fr")
    assert item.is_in_another_language("de")
    assert not item.is_in_another_language("fr")
    assert identifier.asked == 1


def test_a_short_text_or_one_without_words_is_in_no_other_language() -> None:
    short = FieldText(Field.RESPONSE, "x" * 39, None, CountingIdentifier("fr"))
    wordless = FieldText(Field.RESPONSE, "1" * 50, None, CountingIdentifier(None))
    malay = FieldText(Field.RESPONSE, "x" * 50, None, CountingIdentifier("id"))
    assert not short.is_in_another_language("de")
    assert not wordless.is_in_another_language("de")
    assert not malay.is_in_another_language("ms")


def test_the_task_is_what_the_response_answers_in_both_languages() -> None:
    pair = InstructionPair(instruction="Zähle auf.", input="Äpfel", response="1. Äpfel")
    source = InstructionPair(instruction="List them.", input="", response="1. apples")
    assert Inspection(pair, load("de"), LanguageIdentifier(), source).tasks == ("Zähle auf.", "Äpfel", "List them.")
    assert inspection("de", respond("Ja.", "")).tasks == ()


def test_texts_are_joined_line_by_line() -> None:
    assert join_texts(InstructionPair(instruction="a", response="c")) == "a\nc"
    assert join_texts(InstructionPair(instruction="", input="b")) == "\nb"
    assert join_texts(None) == ""
    assert join_task(InstructionPair(instruction="a", input="b", response="c")) == "a\nb"
    assert join_task(InstructionPair()) == "\n"


def demanded(pair: InstructionPair, *demands: str) -> dict[str, list[str]]:
    """Field -> what of it the record wants word for word."""
    seen = Inspection(pair, load("ja"), LanguageIdentifier(), demands=demands)
    return {item.field.value: [item.text[span.start : span.end] for span in item.demanded] for item in seen.fields}


def test_a_phrase_that_the_task_quotes_and_the_response_has() -> None:
    pair = InstructionPair(instruction="「以上?」で終え、「はい?」は不要。", response="はい。以上?")
    assert demanded(pair) == {"instruction": ["以上?"], "response": ["以上?"]}


def test_without_a_response_every_quotation_counts() -> None:
    assert demanded(InstructionPair(instruction='« Oui? » ou "non!"')) == {"instruction": ["Oui?", "non!"]}


def test_a_phrase_that_another_field_of_the_record_names() -> None:
    pair = InstructionPair(instruction="質問に答えて。", response="はい。以上?")
    assert demanded(pair, "以上?") == {"instruction": [], "response": ["以上?"]}
    assert demanded(pair, "はい。以上?") == {"instruction": [], "response": []}, "a copy of the text demands nothing"


def test_a_phrase_is_found_wherever_it_stands() -> None:
    assert [span.start for span in find_phrase("a?", "a? b a?")] == [0, 5]
    assert find_phrase(" ", "a b") == []


def test_what_may_be_code_holds_what_is_code() -> None:
    item = FieldText(Field.RESPONSE, "x = 1\n\nprint(x)\n\n# Ausgabe: 1", None, LanguageIdentifier())
    assert len(list(item.code)) == 1
    assert [item.text[span.start : span.end] for span in item.possible_code] == ["x = 1", "print(x)", "# Ausgabe: 1"]


def test_an_instruction_that_was_left_in_english_is_known() -> None:
    english = InstructionPair(instruction="Describe what my neighbour says about the weather.", response="x")
    korean = InstructionPair(instruction="이웃이 날씨에 대해 하는 말을 적어 보세요.", response="x")
    assert inspection("ko", english).is_asked_in_english
    assert not inspection("ko", korean).is_asked_in_english
    assert not inspection("ko", InstructionPair(response="x")).is_asked_in_english


def test_another_version_takes_over_what_was_seen_of_the_same_texts() -> None:
    pair = InstructionPair(instruction='Say "so there" twice.', input="ok `x`", response="so there, so there")
    first = inspection("de", pair, SOURCE)
    seen = [(item.protected, item.source_protected, item.tell(len_of), len(item.demanded)) for item in first.fields]
    assert first.task.tell(words_of) == ["Say", '"so', 'there"', "twice."]
    later = first.of_version(pair.replaced({Field.RESPONSE: "no"}))
    assert later.task.tell(words_of) is first.task.tell(words_of)
    for old, new in zip(first.fields[:2], later.fields[:2], strict=True):
        assert new.protected is old.protected
        assert new.tell(len_of) == len(old.text)
    assert [count for *_, count in seen] == [1, 0, 2]
    assert [len(item.demanded) for item in later.fields] == [0, 0, 0]  # nothing quoted is used in the response now
    assert (later.field(Field.RESPONSE) or first.fields[2]).text == "no"
    assert first.of_version(pair.replaced({Field.INSTRUCTION: "Say it."})).task.tell(words_of) == ["Say", "it."]


def words_of(task: PairTask) -> list[str]:
    return (task.instruction or "").split()


def len_of(item: FieldText) -> int:
    return len(item.text)
