"""What a judge is asked about two versions of a pair, and what its reply says. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from midb.agent.engines.protocol import FinishReason, Message, Sampling, TextRequest
from midb.agent.model.replies import ReplyError, Side, parse_coded_object
from midb.agent.model.sections import lay_out_pair, make_nonce, pick_sections
from midb.agent.model.tasks import GROWTH, Task, render_system
from midb.domain.decisions import Pass, Reason
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.prompts import PromptSet


class Aspect(StrEnum):
    """What may be better or worse about a version."""

    CORRECTNESS = "correctness"
    LANGUAGE = "language"
    CULTURE = "culture"
    COMPLETENESS = "completeness"


@dataclass(frozen=True, slots=True)
class Preference:
    """A judge's verdict: the better version (None: neither), and what is said against which."""

    preferred: Side | None
    reasons: tuple[tuple[Side, Aspect, str], ...]

    def describe(self) -> str:
        """The reasons in one line."""
        return "; ".join(f"{side} {aspect}: {text}" for side, aspect, text in self.reasons)


def make_task(
    prompts: PromptSet,
    version_a: InstructionPair,
    version_b: InstructionPair,
    language: str,
    *,
    source: InstructionPair | None = None,
    failures: Sequence[str] = (),
) -> Task:
    """What a judge is asked about two versions of a pair in a language. Nothing tells where either comes from.

    ``failures`` are what was wrong with earlier replies; the last is named.
    """
    original = "\n".join(f"{field}: {text.strip()}" for field, text in source.texts() if text.strip()) if source else ""
    versions = (version_a, version_b)
    nonce = make_nonce(*(text for pair in versions for _, text in pair.texts()), original, *failures[-1:])
    shown = {field for pair in versions for field in pick_sections(pair, Pass.VERIFICATION)}
    sections = tuple(field for field in Field if field in shown)  # the same order, whichever version comes first
    user = prompts["judge.user"].render(
        version_a=lay_out_pair(version_a, sections, nonce),
        version_b=lay_out_pair(version_b, sections, nonce),
        source=original,
        failure=failures[-1] if failures else "",
        nonce=nonce,
    )
    system = prompts["judge.system"]
    request = TextRequest(
        messages=(Message("system", render_system(system, load(language))), Message("user", user)),
        reference=orjson.dumps({"code": nonce, "reasons": [], "preferred": "A"}).decode(),
        growth=GROWTH[Pass.VERIFICATION],
        sampling=Sampling(),
        schema=system.schema,
    )
    return Task(pass_=Pass.EVALUATION, request=request, nonce=nonce, sections=sections)


def parse_preference(reply: str, finish: FinishReason, nonce: str) -> Preference:
    """The verdict in a reply of JSON; it must repeat the nonce of its prompt. Raises ReplyError."""
    value = parse_coded_object(reply, finish, nonce, {"code", "reasons", "preferred"})
    if value["preferred"] not in ("A", "B", "tie"):
        raise ReplyError(Reason.BAD_SCHEMA, '"preferred" must be A, B or tie.')
    if not isinstance(value["reasons"], list):
        raise ReplyError(Reason.BAD_SCHEMA, '"reasons" must be a list.')
    preferred = None if value["preferred"] == "tie" else Side(value["preferred"])
    return Preference(preferred, tuple(map(_parse_reason, value["reasons"])))


def _parse_reason(value: object) -> tuple[Side, Aspect, str]:
    message = f'"reasons" must hold objects with version (A or B), aspect ({", ".join(Aspect)}) and reason.'
    if not isinstance(value, dict) or value.keys() != {"version", "aspect", "reason"}:
        raise ReplyError(Reason.BAD_SCHEMA, message)
    version, aspect, text = value["version"], value["aspect"], value["reason"]
    if version not in ("A", "B") or aspect not in tuple(Aspect) or not isinstance(text, str):
        raise ReplyError(Reason.BAD_SCHEMA, message)
    return Side(version), Aspect(aspect), text
