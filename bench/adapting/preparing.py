"""Makes what travels to the GPU: a base, encoded examples, and requests, cut into parts that a transfer takes.

There neither the network nor this package's other dependencies are at hand, so everything is token ids already.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import json
import lzma
import random
import re
import shutil
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokenizing.tokenizer import ChatTokenizer
from midb.agent.model.tasks import GROWTH
from midb.domain.decisions import Pass
from midb.domain.pairs import Field
from midb.kernels.gguf.describing import describe_model
from midb.kernels.gguf.header import read_header
from midb.training.tuning.encoded import EncodedExample, write_encoded
from midb.training.tuning.encoding import encode, read_chats
from midb.training.writing import HELD_OUT, TRAIN

#: The held-out chats that are generated, in the order of the requests: what is scored stays here.
CHATS = "generated_chats.jsonl"

#: New tokens on top of what a reference allows, as in a run.
_EXTRA_TOKENS = 256

_OPENING = r"<\|(?:instruction|input|response):{0}\|>"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much travels.

    :param generated: held-out examples of each language that are generated; ``measured`` those whose loss is.
    :param train_tokens: most tokens of all examples to train on; 0: all.
    """

    generated: int
    measured: int
    max_tokens: int
    train_tokens: int
    parts: int


def prepare(examples: Path, base: Path, folder: Path, sizes: Sizes) -> dict[str, Any]:
    """Write the parts of the load (``load-1`` and so on), and the chats that are scored later."""
    tokenizer = ChatTokenizer(base, base.name, read_header(base).metadata if base.is_file() else None)
    load = folder / "load"
    shutil.rmtree(load, ignore_errors=True)
    load.mkdir(parents=True)
    train = encode(read_chats(examples / TRAIN), tokenizer, sizes.max_tokens)
    kept = _limit(train.examples, sizes.train_tokens)
    write_encoded(load / "train.jsonl.xz", kept)
    held = list(read_chats(examples / HELD_OUT))
    write_encoded(load / "held_out.jsonl.xz", encode(_pick(held, sizes.measured), tokenizer, sizes.max_tokens).examples)
    asked = [(chat, request) for chat in _pick(held, sizes.generated) if (request := _ask(chat, tokenizer, sizes))]
    _write_lines(folder / CHATS, (chat for chat, _ in asked))
    with lzma.open(load / "requests.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(request) + "\n" for _, request in asked)
    _add_base(base, load)
    manifest = json.loads((examples / "manifest.json").read_bytes())
    about = {
        "base": base.name, "examples": len(kept), "tokens": sum(len(one.ids) for one in kept),
        "replies": sum(one.reply for one in kept), "requests": len(asked), "left_out": dict(train.left_out),
        "prompts": manifest.get("prompt_style", "full"), "prompt_hashes": manifest.get("prompts", {}),
        "mix": manifest.get("mix"), "max_tokens": sizes.max_tokens,
    }  # fmt: skip
    (load / "about.json").write_text(json.dumps(about, indent=2))
    about["parts"] = _cut(load, folder, sizes.parts)
    return about


def _limit(examples: Sequence[EncodedExample], tokens: int) -> list[EncodedExample]:
    kept, sum_of = [], 0
    for example in examples:  # they come in a seeded order
        sum_of += len(example.ids)
        if tokens and sum_of > tokens:
            break
        kept.append(example)
    return kept


def _pick(chats: Sequence[dict[str, Any]], each: int) -> list[dict[str, Any]]:
    """As many of each language, drawn so that all kinds are among them as they are among all."""
    by_language: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for chat in chats:
        by_language[chat["language"]].append(chat)
    picked = []
    for language, found in sorted(by_language.items()):
        picked += random.Random(f"held {language}").sample(found, min(each, len(found)))
    return picked


def _ask(chat: dict[str, Any], tokenizer: ChatTokenizer, sizes: Sizes) -> dict[str, Any] | None:
    """The request that a run would make of a chat; None where it is too long."""
    _, laid_out = find_pair(chat)
    prompt = tokenizer.encode_chat([Message(one["role"], one["content"]) for one in chat["messages"][:-1]])
    reference = tokenizer.encode_reference(laid_out)
    if len(prompt) + len(reference) > sizes.max_tokens:
        return None
    return {
        "prompt": prompt, "reference": reference, "stop": tokenizer.find_stop_ids(()),
        "max_new": min(int(len(reference) * GROWTH[Pass(chat["pass"])]) + _EXTRA_TOKENS, 2 * sizes.max_tokens),
        "language": chat["language"], "pass": chat["pass"], "kind": chat["kind"],
    }  # fmt: skip


def find_pair(chat: dict[str, Any]) -> tuple[str, str]:
    """The nonce of a chat, and the pair as its prompt lays it out."""
    reply, prompt = chat["messages"][-1]["content"], chat["messages"][-2]["content"]
    nonce = re.findall(r"<\|end:([0-9a-f]+)\|>", reply)[-1]
    found = re.search(rf"(?s){_OPENING.format(nonce)}.*?<\|end:{nonce}\|>", prompt)
    if found is None:
        raise ValueError(f"no pair in the prompt of {chat['name']}")
    return nonce, found.group()


def split_sections(laid_out: str, nonce: str) -> dict[Field, str]:
    """The texts of a laid-out pair."""
    parts = re.split(rf"<\|(instruction|input|response|end):{nonce}\|>", laid_out)
    return {Field(name): text.strip("\n") for name, text in zip(parts[1::2], parts[2::2], strict=True) if name != "end"}


def _add_base(base: Path, load: Path) -> None:
    if base.is_file():
        with base.open("rb") as read, lzma.open(load / "base.gguf.xz", "wb", preset=1) as written:
            shutil.copyfileobj(read, written, 1 << 20)
        (load / "config.json").write_text(json.dumps(describe_model(read_header(base))))
        spec = importlib.util.find_spec("gguf")
        assert spec is not None
        assert spec.origin is not None
        ignore = shutil.ignore_patterns("__pycache__", "scripts")
        shutil.copytree(Path(spec.origin).parent, load / "site" / "gguf", ignore=ignore)
        return
    for path in base.iterdir():
        if path.name in ("config.json", "generation_config.json") or path.suffix == ".safetensors":
            shutil.copy(path, load / path.name)


def _cut(load: Path, folder: Path, parts: int) -> list[int]:
    """Pack a folder and cut it into parts of like size; returns their sizes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(load, arcname="load")
    data = packed.getvalue()
    size = -(-len(data) // parts)
    for number in range(parts):
        (folder / f"load-{number + 1}").write_bytes(data[number * size : (number + 1) * size])
    shutil.rmtree(load)
    return [min(size, len(data) - number * size) for number in range(parts)]


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
