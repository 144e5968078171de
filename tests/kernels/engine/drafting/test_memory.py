"""Outputs that finished lately: what is like a request is found, and memory is bounded."""

from __future__ import annotations

import random

from midb.kernels.engine.drafting.memory import OutputMemory, make_sketch


def text(seed: int, length: int = 120) -> list[int]:
    chance = random.Random(seed)
    return [chance.randrange(5_000) for _ in range(length)]


def marked(tokens: list[int], code: int) -> list[int]:
    """A text between tags of another code, as each try has its own."""
    return [1, code, 2, *tokens[:60], 3, code, 2, *tokens[60:], 4, code]


def test_a_second_try_finds_what_the_first_one_gave() -> None:
    memory = OutputMemory()
    for number in range(20):
        memory.add(7, make_sketch(marked(text(number), 9_000 + number)), text(100 + number))
    assert memory.recall(7, make_sketch(marked(text(5), 8_000))) == text(105)
    assert memory.recall(7, make_sketch(marked(text(55), 8_000))) == [], "a text that was not there before"
    assert memory.recall(8, make_sketch(marked(text(5), 8_000))) == [], "another group, such as another pass"


def test_of_several_the_two_that_are_most_alike_and_latest_come_last() -> None:
    memory = OutputMemory()
    sketch = make_sketch(text(1))
    for number in range(4):
        memory.add(7, sketch, [number] * 3)
    half = make_sketch([*text(1)[:100], *text(2)[100:]])
    assert memory.recall(7, half) == [2, 2, 2, 3, 3, 3]
    memory.add(7, half, [9])
    assert memory.recall(7, sketch) == [2, 2, 2, 3, 3, 3]
    assert memory.recall(7, half) == [3, 3, 3, 9]


def test_what_has_no_reference_is_neither_kept_nor_found() -> None:
    memory = OutputMemory()
    assert make_sketch([]) == make_sketch([1, 2, 3]) == frozenset()
    memory.add(7, make_sketch([]), [1, 2])
    memory.add(7, make_sketch(text(1)), [])
    assert len(memory) == 0
    assert memory.recall(7, make_sketch([])) == []


def test_the_oldest_make_room() -> None:
    memory = OutputMemory(most_tokens=100)
    for number in range(50):
        memory.add(number % 3, make_sketch(text(number)), [number] * 10)
        assert len(memory) <= 10
    assert memory.recall(49 % 3, make_sketch(text(49))) == [49] * 10
    assert memory.recall(40 % 3, make_sketch(text(40))) == [40] * 10
    assert memory.recall(39 % 3, make_sketch(text(39))) == []
    memory.add(0, make_sketch(text(1)), [5] * 101)
    assert len(memory) == 10, "what is longer than all there is room for is not kept"
    for number in range(200):
        memory.add(number, make_sketch(text(number)), [number] * 30)
    assert len(memory._by_group) == len(memory) == 3, "nothing is left of groups that are gone"
