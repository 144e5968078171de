"""The benchmark with real weights: its tasks, and what its rows count. The weights themselves are not fetched here."""

from __future__ import annotations

import real_weights
from real_weights import NEW_TOKENS, Asked, Contender, make_tasks


def test_texts_to_repeat_have_one_mistake_and_differ() -> None:
    tasks = make_tasks("copy", 8)
    assert len({task.prompt for task in tasks}) == 8
    for task in tasks:
        assert task.reference is not None
        assert task.reference in task.prompt
        assert task.reference.count(" ,") == 1


def test_new_texts_have_no_reference_and_differ() -> None:
    tasks = make_tasks("new text", 8)
    assert len({task.prompt for task in tasks}) == 8
    assert {task.reference for task in tasks} == {None}


def test_a_row_is_the_median_of_the_rounds_behind_the_first() -> None:
    served: list[list[Asked]] = []

    def serve(tasks: list[Asked]) -> int:
        served.append(tasks)
        return NEW_TOKENS * len(tasks)

    tasks = make_tasks("new text", 3)
    sides = [("new text", Contender("ours", serve, tasks, told=lambda: {"tokens_per_step": 1.5}))]
    (row,) = real_weights.measure(sides, batch=1, threads=2)
    assert served == [tasks] * (real_weights.ROUNDS + 1)
    assert {key: row[key] for key in ("task", "side", "batch", "threads", "tokens_per_step")} == {
        "task": "new text", "side": "ours", "batch": 1, "threads": 2, "tokens_per_step": 1.5,
    }  # fmt: skip
    low, high = row["range_cpu_ms"]
    assert 0 <= low <= row["cpu_ms_per_token"] <= high
