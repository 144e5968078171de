"""Generations as rows: what a model was asked and what it answered, with the system messages kept once."""

from __future__ import annotations

import functools
import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from midb.audit.file import seals
from midb.domain.errors import AuditError
from midb.domain.generations import Generation, GenerationKey

#: A row of `prompts`: hash, text, seal.
SharedText = tuple[str, str, str]


def generation_rows(generation: Generation, run: int) -> tuple[dict[str, Any], list[SharedText]]:
    """The row of `generations` and those of `prompts` it refers to.

    System messages are the same for all pairs of a pass and language: each is stored once, and a prompt names it by its
    SHA-256.
    """
    shared: list[SharedText] = []
    prompt: list[dict[str, str]] = []
    for role, content in generation.messages:
        if role == "system":
            shared.append(_share(content))
            prompt.append({"role": role, "sha256": shared[-1][0]})
        else:
            prompt.append({"role": role, "content": content})
    row = {
        "id": generation.id, "prompt_hash": generation.key.prompt_hash, "engine": generation.key.engine,
        "sampling": generation.key.sampling, "prompt": orjson.dumps(prompt).decode(),
        "completion": generation.completion, "finish_reason": generation.finish_reason, "seconds": generation.seconds,
        "run_id": run, "pass": generation.pass_, **generation.counts(),
    }  # fmt: skip
    return row | {"seal": seals.row_seal("generations", row)}, shared


@functools.lru_cache(maxsize=128)
def _share(content: str) -> SharedText:
    """The row of a system message: thousands of prompts begin with the same few."""
    text = {"hash": hashlib.sha256(content.encode()).hexdigest(), "text": content}
    return text["hash"], content, seals.row_seal("prompts", text)


def find_generation(connection: sqlite3.Connection, key: GenerationKey) -> Generation | None:
    """The generation with a key; AuditError where its row does not have its seal: it must not be used again."""
    sql = "SELECT * FROM generations WHERE prompt_hash = ? AND engine = ? AND sampling = ?"
    row = connection.execute(sql, (key.prompt_hash, key.engine, key.sampling)).fetchone()
    if row is None:
        return None
    if row["seal"] != seals.row_seal("generations", dict(row)):
        raise AuditError(
            f"generation {row['id']} of the audit log was changed by hand.",
            hint="midb-agent audit verify says what else was; another --db starts without its replies.",
        )
    return Generation(
        key=key,
        pass_=row["pass"],
        messages=(),
        completion=row["completion"],
        finish_reason=row["finish_reason"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        id=row["id"],
        reused=True,
    )


#: Bits in which prompts are noted, a power of two: 2 MiB.
_BITS = 1 << 24

#: Replies of a log up to which it is worth to note their prompts: to read them takes seconds, and of a prompt that is
#: not among so many one in fifty is looked for all the same.
MOST_NOTED = 2_000_000


class NotedPrompts:
    """Which prompts a log may hold a reply to (a Bloom filter): those that were not added are nearly always denied, and
    no other ever is. To look each new prompt up in the file takes longer than to write the question."""

    def __init__(self, prompt_hashes: Iterable[str] = ()) -> None:
        self._bits = bytearray(_BITS // 8)
        self.update(prompt_hashes)

    def update(self, prompt_hashes: Iterable[str]) -> None:
        """Note some prompts."""
        for prompt_hash in prompt_hashes:
            for place in _places(prompt_hash):
                self._bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, prompt_hash: str) -> bool:
        return all(self._bits[place >> 3] >> (place & 7) & 1 for place in _places(prompt_hash))


def _places(prompt_hash: str) -> tuple[int, int, int, int]:
    """The bits that stand for a prompt."""
    first = hash(prompt_hash)
    step = first >> 32 | 1
    return first % _BITS, (first + step) % _BITS, (first + 2 * step) % _BITS, (first + 3 * step) % _BITS


def note_prompts(connection: sqlite3.Connection, most: int = MOST_NOTED) -> NotedPrompts | None:
    """What a log was asked so far; ``None`` where that is more than it is worth to note."""
    (replies,) = connection.execute("SELECT coalesce(max(id), 0) FROM generations").fetchone()
    if replies > most:
        return None
    return NotedPrompts(row[0] for row in connection.execute("SELECT prompt_hash FROM generations"))


@dataclass(frozen=True)
class ReplyCosts:
    """What generations took together."""

    calls: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float


def spent_on(connection: sqlite3.Connection, generations: Sequence[int]) -> ReplyCosts:
    """What some generations took, by the ids of their rows."""
    sql = (
        "SELECT count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), "
        f"coalesce(sum(seconds), 0.0) FROM generations WHERE id IN ({', '.join('?' * len(generations))})"
    )
    return ReplyCosts(*connection.execute(sql, list(generations)).fetchone())


def seal_of(connection: sqlite3.Connection, generation: int | None) -> str | None:
    """The seal of a generation, which the decisions that rest on it cover; ``None`` without one."""
    if generation is None:
        return None
    row = connection.execute("SELECT seal FROM generations WHERE id = ?", (generation,)).fetchone()
    return None if row is None else str(row["seal"])


def last_prompt(connection: sqlite3.Connection, engine: str) -> tuple[tuple[str, str], ...]:
    """The prompt of the last reply of an engine, as (role, content) of its messages; empty where it has none."""
    sql = "SELECT prompt FROM generations WHERE engine = ? ORDER BY id DESC LIMIT 1"
    row = connection.execute(sql, (engine,)).fetchone()
    if row is None:
        return ()
    return tuple((message["role"], message["content"]) for message in full_prompt(connection, row["prompt"]))


def full_prompt(connection: sqlite3.Connection, prompt: str) -> list[dict[str, str]]:
    """The messages of a prompt as it stands in `generations`, each with its ``content``.

    A system message that is not in `prompts` any more is named by its hash; `audit verify` reports it.
    """
    messages: list[dict[str, str]] = []
    for message in orjson.loads(prompt):
        if "sha256" in message:
            row = connection.execute("SELECT text FROM prompts WHERE hash = ?", (message["sha256"],)).fetchone()
            text = row[0] if row else f"(missing: system message {message['sha256']})"
            messages.append({"role": message["role"], "content": text})
        else:
            messages.append(message)
    return messages
