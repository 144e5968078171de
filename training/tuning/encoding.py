"""Examples as token ids: prompt and reply by the code that encodes them in a run. Knows no torch.

The reply is encoded as the engine encodes what it drafts from: behind what opens a reply, and with the token that
closes it, so that a model learns to stop.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from midb.agent.engines.protocol import Message
from midb.agent.engines.tokens import RequestRefused
from midb.domain.errors import UsageError
from midb.training.tuning.encoded import EncodedExample


class ChatEncoder(Protocol):
    """What is needed of a tokenizer; ``ChatTokenizer`` is one."""

    def encode_chat(self, messages: Sequence[Message]) -> list[int]: ...
    def encode_reference(self, text: str) -> list[int]: ...


@dataclass(slots=True)
class Encoded:
    """Encoded examples, and how many were left out, by the reason."""

    examples: list[EncodedExample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def encode(chats: Iterable[Mapping[str, Any]], encoder: ChatEncoder, max_tokens: int) -> Encoded:
    """Encode chats as ``midb-agent examples`` writes them; longer ones than ``max_tokens`` are left out."""
    encoded = Encoded()
    for chat in chats:
        *asked, reply = [Message(message["role"], message["content"]) for message in chat["messages"]]
        try:
            prompt, learnt = encoder.encode_chat(asked), encoder.encode_reference(reply.content)
        except RequestRefused as error:
            encoded.left_out[f"the tokenizer does not take it: {error}".rstrip(".")] += 1
            continue
        if len(prompt) + len(learnt) > max_tokens:
            encoded.left_out[f"longer than {max_tokens:,} tokens"] += 1
            continue
        encoded.examples.append(
            EncodedExample(
                ids=prompt + learnt,
                start=len(prompt),
                language=str(chat.get("language", "")),
                pass_=str(chat.get("pass", "")),
                kind=str(chat.get("kind", "")),
                name=str(chat.get("name", "")),
                row=str(chat.get("row", "")),
                room=int(chat.get("room", 0)),
            )
        )
    return encoded


def read_chats(path: Path) -> Iterator[dict[str, Any]]:
    """Read chats of a JSON Lines file, each with messages of which the last is the reply; raises UsageError."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _check_chat(line, f"{path}:{number}")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint="midb-agent examples writes it.") from error


def _check_chat(line: bytes, place: str) -> dict[str, Any]:
    hint = "midb-agent examples writes such files."
    try:
        chat = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place} is no JSON.", hint=hint) from error
    messages = chat.get("messages") if isinstance(chat, dict) else None
    if not isinstance(messages, list) or len(messages) < 2:
        raise UsageError(f"{place} holds no chat with a reply.", hint=hint)
    for message in messages:
        whole = isinstance(message, dict) and isinstance(message.get("content"), str)
        if not whole or message.get("role") not in ("system", "user", "assistant"):
            raise UsageError(f"{place} holds a message without role or text.", hint=hint)
    if messages[-1]["role"] != "assistant":
        raise UsageError(f"{place} does not end with a reply.", hint=hint)
    return dict(chat)
