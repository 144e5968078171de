"""A text engine that answers by a function, at once: the seam at which the passes are tested without a model."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from midb.agent.engines.protocol import Activity, CallFailed, FinishReason, Message, TextReply, TextRequest
from midb.agent.model.sections import SAME, make_tag
from midb.domain.generations import add_adapter

Answer = str | TextReply | CallFailed | BaseException

_NONCE = re.compile(r"^CODE is ([0-9a-f]+)\.$", re.MULTILINE)
_TAG = re.compile(r"<\|(instruction|input|response|end):([0-9a-f]+)\|>\n?")


@dataclass
class ScriptedEngine:
    """Answers each request with what ``answer`` makes of it; remembers what it was asked."""

    answer: Callable[[TextRequest], Answer]
    concurrency: int = 32
    described: str = "scripted"
    name: str = "scripted 1"
    requests: list[TextRequest] = field(default_factory=list)
    started: bool = False
    closed: bool = False
    retrying: bool = True

    def fingerprint(self, adapter: str = "") -> str:
        return add_adapter(self.name, adapter) if adapter else self.name

    async def start(self) -> None:
        self.started = True

    @property
    def places(self) -> int:
        return self.concurrency

    def activity(self) -> Activity:
        return Activity()

    async def generate(self, request: TextRequest) -> TextReply:
        assert self.started
        assert not self.closed
        self.requests.append(request)
        answer = self.answer(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, TextReply):
            return answer
        words = sum(len(message.content.split()) for message in request.messages)
        return TextReply(
            text=answer, finish_reason=FinishReason.STOP, prompt_tokens=words, completion_tokens=len(answer.split())
        )

    def stop_retrying(self) -> None:
        self.retrying = False

    async def close(self) -> None:
        self.closed = True


def nonce_of(request: TextRequest) -> str:
    """The nonce of a prompt."""
    found = _NONCE.search(request.messages[-1].content)
    assert found
    return found[1]


def pass_of(request: TextRequest) -> str:
    """The pass that asks, sent by its system part."""
    system = request.messages[0].content
    if request.schema is not None:
        return "verification"
    return next(name for name in ("content", "translation", "localization") if f"This pass: {name.upper()}" in system)


def read_sections(request: TextRequest) -> dict[str, str]:
    """The sections of the pair that a rewriting prompt shows."""
    nonce, text = nonce_of(request), request.reference
    tags = [tag for tag in _TAG.finditer(text) if tag[2] == nonce]
    return {tag[1]: text[tag.end() : following.start()].rstrip("\n") for tag, following in itertools.pairwise(tags)}


def reply(request: TextRequest, **texts: str) -> str:
    """A reply that rewrites some sections and leaves the others alone."""
    nonce = nonce_of(request)
    lines = [line for name in read_sections(request) for line in (make_tag(name, nonce), texts.get(name, SAME))]
    return "\n".join([*lines, make_tag("end", nonce)])


def left_alone(request: TextRequest) -> str:
    """The reply that changes nothing."""
    return f"{SAME}\n{make_tag('end', nonce_of(request))}"


def versions(request: TextRequest) -> tuple[str, str]:
    """What a verdict prompt shows as version A and version B."""
    nonce, text = nonce_of(request), request.messages[-1].content
    found = [text.split(f"<|version-{side}:{nonce}|>\n")[1].split(f"\n<|version-{side}-end")[0] for side in "ab"]
    return found[0], found[1]


def verdict(
    request: TextRequest, preferred: str, *, blamed: str = "none", reasons: tuple[tuple[str, str, str], ...] = ()
) -> str:
    """A verdict as JSON; ``reasons`` are (version, severity, text)."""
    import json

    listed = [{"version": v, "severity": s, "reason": r} for v, s, r in reasons]
    return json.dumps({"code": nonce_of(request), "reasons": listed, "preferred": preferred, "blamed": blamed})


def prefer(request: TextRequest, text: str) -> str:
    """A verdict for the version that holds a text, a tie where both or none do."""
    a, b = versions(request)
    return verdict(request, "tie" if (text in a) == (text in b) else "A" if text in a else "B")


def request_of(messages: list[dict[str, Any]], body: dict[str, Any]) -> TextRequest:
    """What a server was sent, as the functions above take it."""
    sent = tuple(Message(message["role"], message["content"]) for message in messages)
    request = TextRequest(messages=sent, schema=body.get("response_format"))
    if "This pass:" not in sent[0].content:
        return TextRequest(messages=sent, schema={})
    nonce, text = nonce_of(request), sent[-1].content.partition("The pair to edit:\n")[2]
    laid_out = text[: text.index(make_tag("end", nonce)) + len(make_tag("end", nonce))]
    return TextRequest(messages=sent, reference=laid_out)
