"""Texts that no pair holds are named by their place."""

from __future__ import annotations

from midb.corpus.layouts import LayoutFinder, find_unexamined

LONG = "Du bist ein Lehrer und erklärst alles so, dass Kinder es verstehen."


def unexamined(record: dict[str, object]) -> set[str]:
    return find_unexamined(record, LayoutFinder().find(record).slots(record), ("source",))


def test_what_nobody_looks_at_is_named() -> None:
    turns = [
        {"role": "system", "content": LONG},
        {"role": "user", "content": "Was?"},
        {"role": "assistant", "content": LONG + "!"},
    ]
    assert unexamined({"messages": turns}) == {"messages[].content of system"}
    assert unexamined({"instruction": "Was?", "output": "Das.", "system": LONG}) == {"system"}
    assert unexamined({"instruction": "Was?", "output": "Das.", "more": {"notes": [LONG]}}) == {"more.notes[]"}
    assert unexamined(
        {"prompt": "何ですか。", "response": "それです。", "注": "これは誰も読まない長い文章です。そうです。"}
    ) == {"注"}


def test_what_is_looked_at_or_says_nothing_is_not() -> None:
    pair: dict[str, object] = {"instruction": "Was ist das denn nun für ein Ding hier?", "output": LONG}
    assert unexamined(pair) == set()
    assert unexamined(pair | {"text": LONG, "source": {"instruction": LONG + "?"}, "id": "x" * 90, "n": 5}) == set()


def test_what_the_system_says_is_named_however_short() -> None:
    short = "You are a helpful assistant."
    turns = [{"role": "system", "content": short}, {"role": "user", "content": "Was?"}]
    assert unexamined({"messages": turns}) == {"messages[].content of system"}
    assert unexamined({"instruction": "Was?", "output": "Das.", "system_prompt": short}) == {"system_prompt"}
    assert unexamined({"instruction": "Was?", "output": "Das.", "system": "linux", "category": "open qa"}) == set()
