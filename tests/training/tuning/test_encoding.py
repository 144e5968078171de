"""Chats as ids: prompt and reply as a run encodes them, and what is wrong with a file of chats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.agent.engines.tokens import RequestRefused
from midb.domain.errors import UsageError
from midb.training.tuning.encoding import encode, read_chats


def chat(reply: str = "<|same|>", user: str = "Grüße, Zoë", **more: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Edit."},
        {"role": "user", "content": user},
        {"role": "assistant", "content": reply},
    ]
    return {"messages": messages, "language": "de", "pass": "content", "kind": "unchanged", **more}


def test_every_token_is_that_of_a_run_and_the_closing_one_is_learnt(tiny_base: Path) -> None:
    tokenizer = ChatTokenizer(tiny_base, "tiny")
    (example,) = encode([chat(name="#1", row="r")], tokenizer, 999).examples
    prompt = tokenizer.encode_chat([Message("system", "Edit."), Message("user", "Grüße, Zoë")])
    assert example.ids[: example.start] == prompt
    learnt = example.ids[example.start :]
    assert tokenizer.decode(learnt) == "<|same|>"
    assert learnt[-1] in tokenizer.find_stop_ids(())
    assert learnt[:-1] == [number for letter in "<|same|>" for number in tokenizer.encode_reference(letter)[:-1]]
    assert (example.language, example.pass_, example.kind, example.name, example.row) == (
        "de",
        "content",
        "unchanged",
        "#1",
        "r",
    )


def test_what_is_too_long_is_left_out_and_counted(tiny_base: Path) -> None:
    tokenizer = ChatTokenizer(tiny_base, "tiny")
    (example,) = encode([chat()], tokenizer, 999).examples
    found = encode([chat(), chat(user="x" * 500), chat(user="y" * 500)], tokenizer, len(example.ids))
    assert found.examples == [example]
    assert found.left_out == {f"longer than {len(example.ids):,} tokens": 2}


class Refusing:
    """A tokenizer whose template takes no system message."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]:
        raise RequestRefused("the chat template refuses the messages: no system.")

    def encode_reference(self, text: str) -> list[int]:
        return [1]


def test_what_a_template_refuses_is_left_out_and_counted() -> None:
    found = encode([chat()], Refusing(), 999)
    assert not found.examples
    assert list(found.left_out) == ["the tokenizer does not take it: the chat template refuses the messages: no system"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "holds no chat with a reply"),
        ('{"messages": []}', "holds no chat with a reply"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "holds no chat with a reply"),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant"}]}', "without role or text"),
        ('{"messages": [{"role": "robot", "content": "a"}, {"role": "assistant", "content": "b"}]}', "without role"),
        ('{"messages": [{"role": "user", "content": "a"}, 1]}', "without role or text"),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}', "end with a reply"),
    ],
)
def test_a_line_that_is_no_chat_is_named(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text(f"{json.dumps(chat())}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        list(read_chats(path))
    assert f"{path}:3 " in caught.value.message
    assert words in caught.value.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_chats(tmp_path / "none.jsonl"))
