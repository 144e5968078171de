"""Code fences: what broke them is found, and only what one reading explains is repaired."""

from __future__ import annotations

import pytest

from midb.text.forms.fences import Repair, find_open_fence


def repaired(text: str) -> str | None:
    """The text with whole fences; ``None`` where they are, or where nobody can say how."""
    fence = find_open_fence(text)
    if fence is None or not fence.repairs:
        return None
    for repair in reversed(fence.repairs):
        assert text[repair.start : repair.start + len(repair.before)] == repair.before
        text = text[: repair.start] + repair.after + text[repair.start + len(repair.before) :]
    assert find_open_fence(text) is None, "a repair leaves nothing to repair"
    return text


WHOLE = "Hier:\n```python\nx = 1\n```\nDas ist alles, was man braucht."


@pytest.mark.parametrize("marks", ["`", "``", "`` `", "` ``", "´´´", "’’’", "'''"])
def test_an_opening_fence_that_lost_its_marks(marks: str) -> None:
    assert repaired(WHOLE.replace("```python", f"{marks}python")) == WHOLE


@pytest.mark.parametrize("marks", ["``", "`` `", "´´´"])
def test_a_closing_fence_that_lost_its_marks(marks: str) -> None:
    assert repaired(WHOLE.replace("\n```\n", f"\n{marks}\n")) == WHOLE


def test_a_fence_that_lost_its_line() -> None:
    assert repaired(WHOLE.replace("x = 1\n```", "x = 1```")) == WHOLE
    assert repaired(WHOLE.replace("Hier:\n", "Hier: ")) == WHOLE


def test_every_block_that_is_broken_alike() -> None:
    text = "Eins:\n``python\nx = 1\n```\nDanach kommt zwei:\n``js\nlet y;\n```\nFertig ist es."
    assert repaired(text) == text.replace("``python", "```python").replace("``js", "```js")
    one = text.replace("``js", "```js")
    assert repaired(one) == text.replace("``python", "```python").replace("``js", "```js")


def test_the_end_closes_code_and_no_sentence() -> None:
    assert repaired("Hier:\n```\nx = 1") == "Hier:\n```\nx = 1\n```"
    assert repaired("Hier:\n```\nx = 1\n# So ist es gut.\n") == "Hier:\n```\nx = 1\n# So ist es gut.\n```"
    for sentence in ("Damit ist alles gesagt.", "これで説明はすべて終わりです。", "Вот и всё, что нужно знать!"):
        fence = find_open_fence(f"Hier:\n```\nx = 1\n\n{sentence}")
        assert fence is not None
        assert not fence.repairs


@pytest.mark.parametrize("token", ["<|im_end|>", "<|eot_id|>", "<'im_end|>", "</s>"])
def test_a_fence_is_closed_before_what_a_template_left(token: str) -> None:
    assert repaired(f"Hier:\n```\nx = 1{token}\n") == f"Hier:\n```\nx = 1\n```\n{token}\n"
    for end in (f"Damit ist alles gesagt.{token}\n", f"Damit ist alles gesagt.\n{token}"):
        assert repaired(f"Hier:\n```\nx = 1\n{end}") is None


@pytest.mark.parametrize(
    "end",
    [
        "Frag mich einfach, wenn etwas unklar ist. 😊",
        "더 궁금한 점이 있으면 언제든지 물어봐 주세요. ✨",
        "Lancez ce script depuis votre terminal et admirez le résultat 🎉",
        "このスクリプトを実行すると、画面に挨拶が表示されるようになり",
        "เรียกใช้สคริปต์นี้ในเทอร์มินัลของคุณแล้วดูผลลัพธ์",
        "Das Programm schützt die Seite davor, dass jemand auf dem",
        "Эта программа считает слова в каждом файле и затем",
    ],
)
def test_prose_with_a_smile_or_cut_off_is_no_code(end: str) -> None:
    assert repaired(f"Hier:\n```\nx = 1\n\n{end}") is None


@pytest.mark.parametrize(
    "end", ["SELECT name FROM kunden WHERE ort ORDER BY name", "git commit -m fertig", "- name: Kiel"]
)
def test_code_of_words_is_closed(end: str) -> None:
    assert repaired(f"Hier:\n```\n{end}") == f"Hier:\n```\n{end}\n```"


def test_two_readings_are_no_repair() -> None:
    fence = find_open_fence("``\nx = 1\n``\ny = 2\n```")
    assert fence is not None
    assert not fence.repairs


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "Blöcke beginnen mit ``python oder ```.",
        "~~~\nx\n~~~",
        "'''python\nx = 1\n'''",
        "````\n``python\nx\n```\n````",
        "```python\nx = 1\n```\n```\ny\n```",
    ],
)
def test_whole_fences_are_left_alone(text: str) -> None:
    assert find_open_fence(text) is None


def test_the_place_of_a_finding_is_the_fence() -> None:
    text = WHOLE.replace("```python", "``python")
    fence = find_open_fence(text)
    assert fence is not None
    assert text[fence.start : fence.end] == "``"
    assert fence.repairs == (Repair(6, "``", "```", "a code fence lost a mark"),)
