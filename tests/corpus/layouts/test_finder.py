"""Layouts: which texts of a record are a pair, and the reason where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from midb.corpus.formats.containers import open_container
from midb.corpus.layouts import Columns, LayoutFinder, RecordError, Slots, columns_of, find_unexamined, parse_mapping
from midb.corpus.raw import RawRecord
from midb.corpus.records import load_object
from midb.domain.errors import UsageError
from midb.domain.pairs import Field


def found(record: dict[str, Any], finder: LayoutFinder | None = None) -> tuple[str, list[Slots]]:
    layout = (finder or LayoutFinder()).find(record)
    return layout.name, layout.slots(record)


def texts(slots: Slots) -> dict[str, str]:
    return {field.value: text for field, text in slots.pair.texts()}


def at(record: dict[str, Any], path: tuple[str | int, ...]) -> object:
    found: Any = record
    for step in path:
        found = found[step]
    return found


def reason(record: dict[str, Any], finder: LayoutFinder | None = None) -> str:
    with pytest.raises(RecordError) as caught:
        found(record, finder)
    return caught.value.reason


ROLES = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
SHAREGPT = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]


@pytest.mark.parametrize(
    ("record", "name", "pairs"),
    [
        ({"instruction": "i", "input": "n", "output": "o"}, "Alpaca", [("i", "n", "o")]),
        ({"output": "o", "INSTRUCTION ": "i"}, "Alpaca", [("i", None, "o")]),
        ({"instruction": "i", "input": None, "output": None}, "Alpaca", [("i", None, "")]),
        ({"instruction": "", "input": "", "output": ""}, "Alpaca", [("", "", "")]),
        ({"prompt": "p", "response": "r"}, "prompt/response", [("p", None, "r")]),
        ({"instruction": "i", "context": "c", "response": "r"}, "instruction/response", [("i", "c", "r")]),
        ({"question": "q", "answer": "a"}, "question/answer", [("q", None, "a")]),
        ({"prompt": "p"}, "prompts only", [("p", None, None)]),
        ({"Raw Instruction": "i", "Raw Input": "n", "Raw Response": "r", "Distance": 1}, "MEB", [("i", "n", "r")]),
        ({"raw_instruction": "i", "raw_response": "r"}, "MEB", [("i", None, "r")]),
        ({"Istruzione Grezza": "i", "Input Grezzo": "n", "Risposta Grezza": "r"}, "MEB", [("i", "n", "r")]),
        ({"dataset": "d", "Instruction": "i"}, "prompts only", [("i", None, None)]),
        ({"تعليمات": "i"}, "prompts only", [("i", None, None)]),
        ({"инструкция": "i"}, "prompts only", [("i", None, None)]),
        ({"question_id": 81, "turns": ["a", ""]}, "MT-Bench turns", [("a", None, None), ("", None, None)]),
        ({"messages": ROLES}, "OpenAI messages", [("q", None, "a")]),
        ({"messages": ROLES + ROLES, "instruction": "x"}, "OpenAI messages", [("q", None, "a"), ("q", None, "a")]),
        ({"messages": [], "instruction": "i", "output": "o"}, "Alpaca", [("i", None, "o")]),
        ({"conversations": SHAREGPT}, "ShareGPT", [("q", None, "a")]),
    ],
)  # fmt: skip
def test_layouts_and_their_pairs(record: dict[str, Any], name: str, pairs: list[tuple[str | None, ...]]) -> None:
    layout, slots = found(record)
    assert layout == name
    assert [(s.pair.instruction, s.pair.input, s.pair.response) for s in slots] == pairs
    for slot in slots:
        for field, path in slot.paths.items():
            assert at(record, path) == slot.pair.text(field)
        missing = set(texts(slot)) - {field.value for field in slot.paths}
        assert not missing or (missing == {"response"} and slot.pair.response == "")


def test_conversations_pair_each_question_with_its_answer() -> None:
    turns = [
        {"role": "system", "content": {"not": "text"}},
        {"role": "assistant", "content": "Greets unasked."},
        {"role": "user", "content": "Asks."},
        {"role": "user", "content": "Asks again."},
        {"role": "assistant", "content": None, "tool_calls": [{"id": 1}]},
        {"role": "tool", "content": 42},
        {"role": ["odd"], "content": "?"},
        {"role": "assistant", "content": "Answers."},
        {"role": "assistant", "content": "Adds something."},
        {"role": "user", "content": [{"type": "image_url"}, {"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        {"role": "user", "content": [{"type": "text", "text": "Two"}, {"type": "text", "text": "parts"}]},
        {"role": "assistant", "content": "To whom?"},
        {"role": "user", "content": "Never answered."},
    ]
    record = {"messages": turns}
    _, slots = found(record)
    assert [texts(s) for s in slots] == [
        {"instruction": "Asks again.", "response": "Answers."},
        {"instruction": "What is this?", "response": "A cat."},
        {"instruction": "Never answered.", "response": ""},
    ]
    assert slots[1].paths[Field.INSTRUCTION] == ("messages", 9, "content", 1, "text")
    assert slots[1].paths[Field.RESPONSE] == ("messages", 10, "content", 0, "text")
    assert set(slots[2].paths) == {Field.INSTRUCTION}


@pytest.mark.parametrize("value", [7, 1.5, True, ["a"], {"a": "b"}])
def test_an_instruction_that_is_no_text(value: object) -> None:
    assert reason({"instruction": value, "input": "n", "output": "o"}) == "field-not-text"


HALF = "half \ud83d of a pair"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"instruction": None, "output": "o"}, "missing-field"),
        ({"output": "o"}, "unknown-layout"),
        ({}, "unknown-layout"),
        ({"messages": []}, "unknown-layout"),
        ({"messages": "text"}, "unknown-layout"),
        ({"messages": [{"role": "system", "content": "s"}]}, "missing-field"),
        ({"messages": [{"role": "user", "content": None}]}, "missing-field"),
        ({"messages": [{"role": "user", "content": 5}]}, "field-not-text"),
        ({"messages": [{"role": "user", "content": HALF}]}, "invalid-unicode"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": HALF}]}]}, "invalid-unicode"),
        ({"messages": [{"role": {}, "content": "x"}]}, "missing-field"),
        ({"turns": [HALF]}, "invalid-unicode"),
        ({"turns": []}, "unknown-layout"),
        ({"turns": ["a", 1]}, "unknown-layout"),
        ({"instruction": HALF, "output": "o"}, "invalid-unicode"),
        ({"instruction": "i", "input": HALF, "output": "o"}, "invalid-unicode"),
        ({HALF: "x", "y" * 10_000_000: 1}, "unknown-layout"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_records_that_are_no_pairs(record: dict[str, Any], expected: str) -> None:
    with pytest.raises(RecordError) as caught:
        found(record)
    assert caught.value.reason == expected
    message = caught.value.message
    assert len(message.encode()) < 1000, "a message goes into the log and must be short and whole"


def test_texts_that_are_not_examined_may_hold_what_they_like() -> None:
    record = {"messages": [{"role": "system", "content": HALF}, *ROLES], "other": HALF, HALF: 1}
    assert len(found(record)[1]) == 1


@pytest.mark.parametrize(
    ("usual", "record", "expected"),
    [
        ({"instruction": "i", "output": "o"}, {"output": "o"}, "missing-field"),
        ({"messages": ROLES}, {"something": "else"}, "missing-field"),
        ({"messages": ROLES}, {"messages": []}, "missing-field"),
        ({"messages": ROLES}, {"messages": ["no object"]}, "field-not-text"),
        ({"messages": ROLES}, {"messages": [{"content": "no role"}]}, "missing-field"),
        ({"turns": ["t"]}, {"turns": []}, "missing-field"),
        ({"turns": ["t"]}, {"turns": ["t", None]}, "missing-field"),
    ],
)
def test_the_usual_layout_says_what_a_record_lacks(
    usual: dict[str, Any], record: dict[str, Any], expected: str
) -> None:
    assert reason(record, LayoutFinder(usual=LayoutFinder().find(usual))) == expected


def test_a_missing_response_is_an_empty_one_where_others_have_one() -> None:
    finder = LayoutFinder(usual=LayoutFinder().find({"instruction": "i", "input": "n", "output": "o"}))
    _, slots = found({"instruction": "i"}, finder)
    assert texts(slots[0]) == {"instruction": "i", "response": ""}
    assert set(slots[0].paths) == {Field.INSTRUCTION}


def test_mixed_layouts_are_found_record_by_record() -> None:
    records: list[dict[str, Any]] = [
        {"instruction": "i", "output": "o"}, {"prompt": "p", "response": "r"}, {"messages": ROLES}, {"turns": ["t"]},
    ]  # fmt: skip
    finder = LayoutFinder(usual=LayoutFinder().find(records[0]))
    assert [found(record, finder)[0] for record in records * 2] == [
        "Alpaca", "prompt/response", "OpenAI messages", "MT-Bench turns",
    ] * 2  # fmt: skip


def test_ever_new_keys_are_found_too() -> None:
    finder = LayoutFinder()
    for number in range(2500):
        assert found({"instruction": "i", f"extra {number}": 1}, finder)[0] == "prompts only"
    wide = {f"column {number}": 1 for number in range(200)}
    assert found(wide | {"instruction": "i"}, finder)[0] == "prompts only"


def test_of_columns_with_one_folded_name_the_first_counts() -> None:
    assert columns_of({"Instruction": "first", "instruction": "second"}) == Columns("prompts only", "Instruction")
    assert columns_of({"prompt": "p", "instruction": "i"}) == Columns("prompts only", "instruction")


def test_a_mapping_settles_it_for_all() -> None:
    finder = LayoutFinder(parse_mapping("instruction=q, input=ctx,response=a"))
    name, slots = found({"q": "Q", "ctx": "C", "a": "A", "instruction": "x", "messages": ROLES}, finder)
    assert (name, texts(slots[0])) == ("mapped", {"instruction": "Q", "input": "C", "response": "A"})
    assert texts(found({"q": "Q", "a": None}, finder)[1][0]) == {"instruction": "Q", "response": ""}
    assert reason({"instruction": "i", "output": "o"}, finder) == "missing-field"
    assert reason({"q": 1}, finder) == "field-not-text"
    assert texts(found({"q": "Q"}, LayoutFinder(parse_mapping("instruction=q")))[1][0]) == {"instruction": "Q"}


@pytest.mark.parametrize(
    ("mapping", "told"),
    [
        ("", "not understood"), ("q", "not understood"), ("instruction", "not understood"),
        ("instruction=", "not understood"), ("instruction=q,", "not understood"), ("instruktion=q", "not understood"),
        ("instruction=q,instruction=r", "not understood"), ("instruction=q,response", "not understood"),
        ("response=a", "names no instruction"), ("instruction=q,response=q", "two meanings"),
    ],
)  # fmt: skip
def test_mappings_that_cannot_be_meant(mapping: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        parse_mapping(mapping)
    assert "--map instruction=COLUMN" in caught.value.hint


def test_real_files_are_understood(shared_files: list[Path]) -> None:
    names: dict[str, set[str]] = {}
    for path in shared_files:
        finder = LayoutFinder()
        for item in open_container(path).read():
            if isinstance(item, RawRecord):
                record = load_object(item)
                layout = finder.find(record)
                for slot in layout.slots(record):
                    assert all(at(record, where) == slot.pair.text(field) for field, where in slot.paths.items())
                names.setdefault(path.parent.name, set()).add(layout.name)
    assert names["meb"] == {"MEB"}
    assert names["corpora"] == {"Alpaca"}
    assert names["mt_bench"] == {"MT-Bench turns"}
    assert names["alpaca_eval"] == {"prompts only"}


def test_messages_for_people_quote_hostile_keys_safely() -> None:
    with pytest.raises(RecordError) as caught:
        found({HALF: 1, "k" * 100: 2})
    assert json.loads(json.dumps(caught.value.message).encode()) == caught.value.message
    assert "half \\ud83d of a pair" in caught.value.message
    assert "k" * 41 not in caught.value.message


@pytest.mark.parametrize(
    ("record", "answers"),
    [
        ({"prompt": "q", "response_a": "x", "response_b": "y", "winner": "a"}, ["response_a", "response_b"]),
        ({"instruction": "q", "input": "i", "output_1": "x", "output_2": "y"}, ["output_1", "output_2"]),
        ({"question": "q", "Answer 0": "x", "Answer 1": "y", "Answer 2": "z"}, ["Answer 0", "Answer 1", "Answer 2"]),
        ({"prompt": "q", "chosen_response": "x", "rejected_response": "y"}, ["chosen_response", "rejected_response"]),
    ],
)
def test_each_of_several_columns_with_an_answer_is_examined(record: dict[str, str], answers: list[str]) -> None:
    _, slots = found(record)
    assert [slot.paths[Field.RESPONSE] for slot in slots] == [(key,) for key in answers]
    assert [slot.pair.response for slot in slots] == [record[key] for key in answers]
    assert Field.INSTRUCTION in slots[0].paths, "the question is edited with the first answer"
    assert [Field.INSTRUCTION in slot.paths for slot in slots[1:]] == [False] * (len(answers) - 1)
    assert not find_unexamined(record, slots)


@pytest.mark.parametrize(
    "record",
    [
        {"question": "q", "answer_a": "x", "answer_b": "y", "answer_c": "z", "correct": "a"},
        {"prompt": "q", "response": "x", "response_b": "y"},
        {"prompt": "q", "response_a": "x", "score_b": "y"},
    ],
)
def test_options_of_a_choice_and_single_columns_are_no_answers_to_compare(record: dict[str, str]) -> None:
    _, slots = found(record)
    assert len(slots) == 1


@pytest.mark.parametrize("names", [("conversation_a", "conversation_b"), ("chosen_messages", "rejected_messages")])
def test_talks_side_by_side_are_both_examined(names: tuple[str, str]) -> None:
    talks = {name: [*ROLES[:1], {"role": "assistant", "content": name}] for name in names}
    _, slots = found({"question_id": "1", **talks})
    assert [slot.paths for slot in slots] == [
        {Field.INSTRUCTION: (key, 0, "content"), Field.RESPONSE: (key, 1, "content")} for key in talks
    ]


def test_a_prompt_of_turns_goes_with_its_completion_of_turns() -> None:
    record = {"prompt": ROLES[:1], "completion": ROLES[1:]}
    _, slots = found(record)
    assert [slot.paths for slot in slots] == [
        {Field.INSTRUCTION: ("prompt", 0, "content"), Field.RESPONSE: ("completion", 0, "content")}
    ]
    assert not find_unexamined(record, slots)


def test_tool_calls_system_prompts_and_content_parts_are_passed_by() -> None:
    record = {
        "messages": [
            {"role": "system", "content": "Du hilfst."},
            {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "q"}]},
            {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "content": "{}"},
            {"role": "assistant", "content": "a"},
        ],
        "tools": [{"type": "function"}],
    }
    _, slots = found(record)
    assert [(slot.pair.instruction, slot.pair.response) for slot in slots] == [("q", "a")]
    assert slots[0].paths[Field.RESPONSE] == ("messages", 4, "content")
