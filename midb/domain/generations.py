"""What a model was asked and what it answered: the rows of `generations`, and sums of them. Knows no engine."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

#: What a fingerprint ends with where an adapter answers.
_ADAPTER = re.compile(r".* \+ adapter (?P<name>.+?)(?: sha256:(?P<sha256>[0-9a-f]{64})| \([^()]*\))?", re.DOTALL)


def add_adapter(engine: str, name: str, detail: str = "") -> str:
    """The fingerprint of an engine where an adapter of it answers; ``detail`` tells adapters of one name apart.

    >>> add_adapter("own tiny float32", "style", "sha256:12")
    'own tiny float32 + adapter style sha256:12'
    """
    return f"{engine} + adapter {name}" + (f" {detail}" if detail else "")


def read_adapter_name(engine: str) -> str:
    """What people call the adapter that a fingerprint ends with; empty where the model answers without one.

    >>> read_adapter_name(add_adapter("own tiny", "style", f"sha256:{'12' * 32}")), read_adapter_name("own tiny")
    ('style 12121212', '')
    """
    found = _ADAPTER.fullmatch(engine)
    if found is None:
        return ""
    return " ".join(filter(None, (found["name"], (found["sha256"] or "")[:ADAPTER_DIGITS])))


#: Digits of an adapter's SHA-256 that people are shown.
ADAPTER_DIGITS = 8


@dataclass(frozen=True, slots=True)
class GenerationKey:
    """Under what a generation is found again: the same prompt, engine (with its adapter) and sampling."""

    prompt_hash: str
    engine: str
    sampling: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a reply took, or several together.

    :param cached_tokens: those of the prompt whose KV was there already, as far as the engine tells.
    :param drafted: draft tokens verified; ``accepted`` those that stood; ``steps`` forwards it took. 0 where unknown.
    :param retries: calls that failed before (busy server, lost connection).
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    drafted: int = 0
    accepted: int = 0
    steps: int = 0
    retries: int = 0

    def counts(self) -> dict[str, Any]:
        """These figures alone, by name."""
        return {name: getattr(self, name) for name in _COUNTS}


#: Names of the figures; to ask for them at each sum takes longer than the sum.
_COUNTS = tuple(f.name for f in fields(Counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Counts):
    """One reply of a model, as it is logged.

    :param id: of its row; 0 until it is written.
    :param pass_: the pass that asked.
    :param messages: (role, content) of what was sent.
    :param reused: it was found in the log: nothing was paid for it this time.
    """

    key: GenerationKey
    pass_: str
    messages: tuple[tuple[str, str], ...]
    completion: str
    finish_reason: str
    seconds: float = 0.0
    id: int = 0
    reused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage(Counts):
    """Sums over generations.

    :param calls: replies that were paid for; ``reused`` those that the log had.
    :param attempts_failed: replies that could not be used, or whose rewrite was taken back.
    :param calls_failed: calls that got no reply.
    """

    calls: int = 0
    reused: int = 0
    attempts_failed: int = 0
    calls_failed: int = 0

    @property
    def tokens(self) -> int:
        """Tokens paid for, in and out."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in _USAGE})

    @classmethod
    def of(cls, generations: Iterable[Generation]) -> Usage:
        """The sum of some generations; what was reused counts only as that."""
        return sum((cls(reused=1) if one.reused else cls(calls=1, **one.counts()) for one in generations), cls())


_USAGE = tuple(f.name for f in fields(Usage))
