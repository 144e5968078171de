"""Tokenizers out of GGUF metadata: the ids of the tokenizer that the metadata was taken from."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from midb.domain.errors import UsageError

transformers = pytest.importorskip("transformers")

from midb.agent.engines.protocol import Message  # noqa: E402
from midb.agent.engines.tokenizing.gguf_vocabulary import make_tokenizer  # noqa: E402
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer  # noqa: E402


def metadata_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """What llama.cpp's converter would write of a byte-level BPE."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {entry["content"] for entry in described["added_tokens"] if entry["special"]}
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.merges": [" ".join(merge) for merge in described["model"]["merges"]],
        "tokenizer.ggml.token_type": [3 if token in special else 1 for token in tokens],
        "tokenizer.ggml.eos_token_id": tokenizer.eos_token_id,
        "tokenizer.chat_template": tokenizer.chat_template,
    } | changes


def test_ids_are_those_of_the_original(tiny_checkpoint: Path, tiny_model: ModuleType) -> None:
    original = ChatTokenizer(tiny_checkpoint, "tiny")
    read = ChatTokenizer(tiny_checkpoint / "none.gguf", "tiny", metadata_of(tiny_checkpoint))
    for text in (*tiny_model.SENTENCES.values(), "x <|im_end|> 12\n\n  y", " \n1. a \n2. b"):
        messages = [Message("system", "Be brief."), Message("user", text)]
        assert read.encode_chat(messages) == original.encode_chat(messages)
        assert read.encode_reference(text) == original.encode_reference(text)
        assert read.decode(read.encode_reference(text)[:-1]) == text
    assert read.find_stop_ids(()) == original.find_stop_ids(())


@pytest.mark.parametrize(
    ("pre", "text", "words"),
    [
        ("gpt-2", "it's 2026 \n1.", ["it", "'s", "Ġ2026", "Ġ", "Ċ", "1", "."]),
        ("smollm", "it's 2026 \n1.", ["it", "'s", "Ġ", "2", "0", "2", "6", "ĠĊ", "1", "."]),
        ("qwen2", "IT'S 2026 \n1.", ["IT", "'S", "Ġ", "2", "0", "2", "6", "ĠĊ", "1", "."]),
        ("llama-bpe", "IT'S 2026 \n1.", ["IT", "'S", "Ġ", "202", "6", "ĠĊ", "1", "."]),
    ],
)
def test_words_are_cut_as_the_file_says(pre: str, text: str, words: list[str], tiny_checkpoint: Path) -> None:
    """As llama.cpp cuts them: its own server was asked about 2,630 real texts with each of these four."""
    backend = make_tokenizer(metadata_of(tiny_checkpoint, **{"tokenizer.ggml.pre": pre}), "tiny").backend_tokenizer
    assert [word for word, _ in backend.pre_tokenizer.pre_tokenize_str(text)] == words


def test_qwen_composes_letters_and_others_do_not(tiny_checkpoint: Path) -> None:
    text = "cafe\u0301"
    for pre, same in (("qwen2", True), ("llama-bpe", False)):
        tokenizer = make_tokenizer(metadata_of(tiny_checkpoint, **{"tokenizer.ggml.pre": pre}), "tiny")
        assert (tokenizer(text)["input_ids"] == tokenizer("caf\u00e9")["input_ids"]) is same


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tokenizer.ggml.model": "llama"}, "not read from GGUF"),
        ({"tokenizer.ggml.pre": "tekken"}, "not read from GGUF"),
        ({"tokenizer.ggml.pre": None}, "not read from GGUF"),
        ({"tokenizer.ggml.tokens": []}, "holds no tokens"),
        ({"tokenizer.ggml.merges": 7}, "holds no merges"),
        ({"tokenizer.ggml.merges": ["q qq qqq"]}, "cannot be made"),
        ({"tokenizer.ggml.merges": ["zz qq"]}, "cannot be made"),
        ({"tokenizer.chat_template": None}, "no chat template"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(changes: dict[str, Any], words: str, tiny_checkpoint: Path) -> None:
    with pytest.raises(UsageError, match=words):
        ChatTokenizer(tiny_checkpoint / "none.gguf", "tiny", metadata_of(tiny_checkpoint, **changes))
