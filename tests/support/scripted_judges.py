"""Judges with a known character: what is made of their verdicts must show it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from scripted import ScriptedEngine, nonce_of, versions

from midb.agent.engines.protocol import TextRequest
from midb.domain.hashing import digest

#: Says which of two versions it prefers: 0, 1, or None for a tie. It is shown their texts without tags.
Taste = Callable[[str, str], int | None]

_TAG = re.compile(r"<\|[^|\n]*\|>\n?")


def say(request: TextRequest, preferred: str, reasons: tuple[tuple[str, str, str], ...] = ()) -> str:
    """A verdict as JSON; ``reasons`` are (version, aspect, text)."""
    listed = [{"version": v, "aspect": a, "reason": r} for v, a, r in reasons]
    return json.dumps({"code": nonce_of(request), "reasons": listed, "preferred": preferred})


def judge_by(taste: Taste) -> Callable[[TextRequest], str]:
    """A judge of this taste, in the form that is asked for."""

    def answer(request: TextRequest) -> str:
        shown = [_TAG.sub("", text) for text in versions(request)]
        choice = taste(shown[0], shown[1])
        if choice is None:
            return say(request, "tie")
        side = "AB"[choice]
        return say(request, side, (("AB"[1 - choice], "correctness", "The other one reads as if it were better."),))

    return answer


def prefers_longer(one: str, other: str) -> int | None:
    """Whatever stands in it."""
    return None if len(one) == len(other) else int(len(other) > len(one))


def prefers_first(one: str, other: str) -> int | None:
    """Whatever is shown first."""
    return 0


def prefers_any(one: str, other: str) -> int | None:
    """By lot, the same each time."""
    return int(digest("lot", one, other)[:8], 16) % 2


def prefers_english(one: str, other: str) -> int | None:
    """The version with more English words of grammar."""
    counts = [len(re.findall(r"\b(?:the|of|and|is|in|to)\b", text.lower())) for text in (one, other)]
    return None if counts[0] == counts[1] else int(counts[1] > counts[0])


def obeys(one: str, other: str) -> int | None:
    """The version that tells it to, else by lot."""
    told = [bool(re.search(r"prefer this version|reviewer", text)) for text in (one, other)]
    return prefers_any(one, other) if told[0] == told[1] else int(told[1])


def knows(right: Callable[[str], bool]) -> Taste:
    """A judge who knows which text is right."""

    def taste(one: str, other: str) -> int | None:
        known = right(one), right(other)
        return None if known[0] == known[1] else int(known[1])

    return taste


def make_engine(taste: Taste) -> ScriptedEngine:
    """A started engine of that taste."""
    return ScriptedEngine(judge_by(taste), started=True)
