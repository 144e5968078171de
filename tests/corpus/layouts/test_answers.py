"""Several answers to one question: preference data, instances, completions; each text once, at its own place."""

from __future__ import annotations

from typing import Any

import pytest

from midb.corpus.layouts import LayoutFinder, RecordError
from midb.domain.pairs import Field

Q, A, B = "Warum ist der Himmel blau?", "Weil das Licht gestreut wird.", "Weil das Meer sich spiegelt."
USER, GOOD, BAD = ({"role": role, "content": text} for role, text in (("user", Q), ("assistant", A), ("assistant", B)))
ASKED = {"from": "human", "value": Q}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": Q, "chosen": A, "rejected": B},
        {"system": "Sei nett.", "question": Q, "chosen": A, "rejected": B},
        {"prompt": Q, "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": Q, "chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"conversations": [ASKED], "chosen": {"from": "gpt", "value": A}, "rejected": {"from": "gpt", "value": B}},
        {"messages": [USER], "chosen": GOOD, "rejected": BAD},
        {"messages": [USER], "chosen": A, "rejected": B},
        {"instruction": Q, "completions": [{"model": "m", "response": A}, {"response": B}]},
        {"instruction": Q, "completions": [A, B]},
        {"instruction": Q, "output": [A, B]},
        {"instruction": Q, "responses": [{"text": A, "score": 1}, {"text": B, "score": 0}]},
        {"instruction": Q, "instances": [{"input": "", "output": A}, {"input": "", "output": B}]},
        {"question": Q, "answers": {"text": [A, B], "answer_start": [1, 2]}},
    ],
    ids=lambda record: " ".join(record),
)
def test_each_answer_is_a_pair_and_no_text_is_edited_twice(record: dict[str, Any]) -> None:
    slots = LayoutFinder().find(record).slots(record)
    assert [slot.pair.response for slot in slots] == [A, B]
    assert [slot.pair.instruction or slot.shared.get(Field.INSTRUCTION) for slot in slots] == [Q, Q]
    places = [path for slot in slots for path in slot.paths.values()]
    assert len(set(places)) == len(places)
    for slot in slots:
        assert set(slot.paths) == {field for field, _ in slot.pair.texts()}, "what has no place is not of the pair"
        for field, path in slot.paths.items():
            value: Any = record
            for step in path:
                value = value[step]
            assert value == slot.pair.text(field)


def test_turns_before_the_last_question_are_pairs_too() -> None:
    record = {"messages": [USER, GOOD, USER], "chosen": A, "rejected": B}
    slots = LayoutFinder().find(record).slots(record)
    assert [slot.pair.response for slot in slots] == [A, A, B]
    assert slots[1].paths[Field.INSTRUCTION] == ("messages", 2, "content")


def test_each_instance_has_its_own_input() -> None:
    record = {"instruction": Q, "instances": [{"input": "eins", "output": A}, {"input": "zwei", "output": B}]}
    slots = LayoutFinder().find(record).slots(record)
    assert [slot.pair.input for slot in slots] == ["eins", "zwei"]
    assert slots[1].paths[Field.INPUT] == ("instances", 1, "input")


@pytest.mark.parametrize(
    "record",
    [{"chosen": "Human: a Assistant: b", "rejected": "c"}, {"chosen": [GOOD], "rejected": [BAD]}, {"chosen": 5}],
)
def test_answers_to_nothing_are_no_pairs(record: dict[str, Any]) -> None:
    with pytest.raises(RecordError, match="no column holds an instruction"):
        LayoutFinder().find(record)


@pytest.mark.parametrize("value", [[], {}, [5], [{"score": 1}], [[[[["x"]]]]]])
def test_what_holds_no_answer_is_no_answer(value: object) -> None:
    record = {"instruction": Q, "completions": value}
    (slot,) = LayoutFinder().find(record).slots(record)
    assert (slot.pair.instruction, slot.pair.response) == (Q, None)
