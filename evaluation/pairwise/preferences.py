"""What a judge is asked about two versions of a pair, and what its reply says. Sends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.replies import ReplyError, Side, parse_coded_object
from midb.agent.model.tasks import Task, comparison_task
from midb.domain.decisions import Pass, Reason
from midb.domain.pairs import InstructionPair
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
    return comparison_task(
        prompts, Pass.EVALUATION, version_a, version_b, asked_with="judge", locale=load(language), source=source,
        failures=failures,
    )  # fmt: skip


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
