"""What a model replied, read without guessing: it has the form that was asked for, or it is a failed attempt.

Nothing is repaired, completed or cut out of a reply that is not as it should be. Only a reasoning model's block of
thoughts in front is passed over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.sections import SAME, keep_outer_blanks, make_tag
from midb.domain.decisions import REWRITING_PASSES, Pass, Reason
from midb.domain.defects import Severity
from midb.domain.pairs import Field, InstructionPair
from midb.text.forms.repetitions import find_repetitions

_THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)

#: A tag with whatever nonce: one of another prompt, or of none.
_ANY_TAG = re.compile(r"<\|(?:instruction|input|response|end)(?::[^|>\n]{0,40})?\|>")

#: What begins a section, and the nonce of its prompt.
_OPENING = re.compile(r"<\|(instruction|input|response):([0-9a-f]+)\|>")

#: Characters at the end of a reply in which a loop is looked for, the fewest that one has, and how often it repeats.
_LOOKED_AT = 4_000
_LEAST_LOOP = 200
_LEAST_TIMES = 4


class ReplyError(Exception):
    """A reply that cannot be used. ``reason`` is its code, the message says to the model what was wrong."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def parse_rewrite(
    reply: str, finish: FinishReason, pair: InstructionPair, sections: Sequence[Field], nonce: str
) -> InstructionPair:
    """The pair as the reply has it; the same pair where it leaves everything alone. Raises ReplyError."""
    body = _take_body(reply, finish)
    end = make_tag("end", nonce)
    if finish is FinishReason.STOP_STRING and end not in body and (SAME in body or _ANY_TAG.search(body)):
        body += end  # it is what ended the reply, and no part of it
    if not body.endswith(end):
        raise _describe_end(body, end, nonce)
    body = body[: -len(end)]
    if end in body:
        raise ReplyError(Reason.CHATTER, "There is text after the end tag.")
    if body.strip() == SAME:
        return pair
    if SAME in body and not _ANY_TAG.search(body):
        raise ReplyError(Reason.CHATTER, f"There is text beside {SAME}.")
    texts = _split_sections(body, sections, nonce)
    replaced: dict[Field, str] = {}
    for field, text in texts.items():
        original = pair.text(field) or ""
        if text.strip() == SAME or text.strip() == original.strip():
            continue
        if not text.strip():
            raise ReplyError(Reason.FIELD_EMPTIED, f"The section {field} is empty: put its text or {SAME} there.")
        if (stray := _ANY_TAG.search(text)) and stray[0] not in original:
            raise ReplyError(Reason.UNKNOWN_SECTION, f"A tag without the CODE stands within the section {field}.")
        if SAME in text and SAME not in original:
            raise ReplyError(Reason.CHATTER, f"{SAME} stands beside other text in the section {field}.")
        if "\r\n" in original:
            text = re.sub(r"\r?\n", "\r\n", text)  # models write plain line ends; those of the corpus stay
            if text.strip() == original.strip():
                continue
        replaced[field] = keep_outer_blanks(text.strip(), original)
    return pair.replaced(replaced) if replaced else pair


def _describe_end(body: str, end: str, nonce: str) -> ReplyError:
    """What is wrong with a reply that does not end with its end tag.

    What is told to the next attempt names tags without their code, which is another one there.
    """
    if end in body:
        return ReplyError(Reason.CHATTER, "There is text after the end tag.")
    tags = _ANY_TAG.findall(body)
    if any(nonce in tag for tag in tags):
        return ReplyError(Reason.MISSING_SECTION, "The end tag is missing.")
    if tags:
        return ReplyError(Reason.MISSING_SECTION, "The tags of the reply do not carry the CODE of the task.")
    if SAME in body:
        return ReplyError(Reason.MISSING_SECTION, f"The end tag is missing behind {SAME}.")
    return ReplyError(Reason.ANSWERED, "The reply has no sections: it is an answer, not an edited pair.")


def _take_body(reply: str, finish: FinishReason) -> str:
    """The reply without thoughts and outer blanks; raises where it did not come to its end."""
    if finish is FinishReason.LOOPED or (finish is FinishReason.LENGTH and _ends_in_a_loop(reply)):
        raise ReplyError(Reason.LOOPED, "The reply repeated the same words over and over, and was stopped.")
    if finish is FinishReason.LENGTH:
        raise ReplyError(Reason.TRUNCATED, "The reply was too long and was cut off.")
    if finish is FinishReason.FILTERED:
        raise ReplyError(Reason.WITHHELD, "The server withheld the reply.")
    if finish not in (FinishReason.STOP, FinishReason.STOP_STRING):
        raise ReplyError(Reason.TRUNCATED, "The reply broke off.")
    thoughts = _THOUGHTS.match(reply)
    body = reply[thoughts.end() :] if thoughts else reply
    if not body.strip():
        raise ReplyError(Reason.EMPTY_REPLY, "The reply was empty.")
    return body.strip()


def _ends_in_a_loop(reply: str) -> bool:
    """Whether the end of a reply that reached its bound is the same few words again and again."""
    tail = reply.rstrip()[-_LOOKED_AT:]
    return any(
        run.end == len(tail) and run.end - run.start >= _LEAST_LOOP and run.times >= _LEAST_TIMES
        for run in find_repetitions(tail, len(tail) // _LEAST_TIMES)
    )


def _split_sections(body: str, sections: Sequence[Field], nonce: str) -> dict[Field, str]:
    """The text of each section; raises ReplyError unless they are exactly those asked for, in order."""
    found = [opening for opening in _OPENING.finditer(body) if opening[2] == nonce]
    names = [match[1] for match in found]
    expected = [field.value for field in sections]
    if not names or body[: found[0].start()].strip():
        if not names and _ANY_TAG.search(body):
            raise ReplyError(Reason.MISSING_SECTION, "The tags of the reply do not carry the CODE of the task.")
        if not names:
            raise ReplyError(Reason.MISSING_SECTION, f"The sections are missing: {', '.join(expected)}.")
        raise ReplyError(Reason.CHATTER, "There is text before the first tag.")
    if unknown := [name for name in names if name not in expected]:
        raise ReplyError(Reason.UNKNOWN_SECTION, f"There is no section {unknown[0]} in this task.")
    if missing := [name for name in expected if name not in names]:
        raise ReplyError(Reason.MISSING_SECTION, f"The section {missing[0]} is missing.")
    if twice := [name for name in expected if names.count(name) > 1]:
        raise ReplyError(Reason.UNKNOWN_SECTION, f"The section {twice[0]} stands there more than once.")
    if names != expected:
        raise ReplyError(Reason.UNKNOWN_SECTION, f"The sections must be, in this order: {', '.join(expected)}.")
    ends = [match.start() for match in found[1:]] + [len(body)]
    return {Field(match[1]): body[match.end() : end] for match, end in zip(found, ends, strict=True)}


class Side(StrEnum):
    """The two versions a verdict compares."""

    A = "A"
    B = "B"


@dataclass(frozen=True, slots=True)
class Objection:
    """Something that a verdict holds against one version."""

    side: Side
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict on two versions: the better one (None: neither), the pass that is to blame, and reasons."""

    preferred: Side | None
    blamed: Pass | None
    objections: tuple[Objection, ...]

    def accepts(self, side: Side) -> bool:
        """Whether a version is the better one and nothing grave is held against it.

        A verdict that prefers a version and finds something grave in it contradicts itself, and accepts nothing.
        """
        grave = any(o.side is side and o.severity is not Severity.MINOR for o in self.objections)
        return self.preferred is side and not grave

    def against(self, side: Side) -> str:
        """What is held against a version, the gravest first."""
        found = sorted((o for o in self.objections if o.side is side), key=lambda o: -o.severity.rank)
        return "; ".join(f"{o.severity}: {o.text}" for o in found)


_FENCED = re.compile(r"```(?:json)?\s*\n(.*)\n```", re.DOTALL)


def parse_verdict(reply: str, finish: FinishReason, nonce: str) -> Verdict:
    """The verdict in a reply of JSON (also in a code fence, and nothing beside it). Raises ReplyError.

    It must repeat the nonce of its prompt: a verdict dictated by the texts themselves cannot know it.
    """
    value = parse_coded_object(reply, finish, nonce, {"code", "preferred", "blamed", "reasons"})
    if value["preferred"] not in ("A", "B", "tie"):
        raise ReplyError(Reason.BAD_SCHEMA, '"preferred" must be A, B or tie.')
    if value["blamed"] not in ("none", *REWRITING_PASSES):
        raise ReplyError(Reason.BAD_SCHEMA, f'"blamed" must be none, {", ".join(REWRITING_PASSES)}.')
    if not isinstance(value["reasons"], list):
        raise ReplyError(Reason.BAD_SCHEMA, '"reasons" must be a list.')
    return Verdict(
        None if value["preferred"] == "tie" else Side(value["preferred"]),
        None if value["blamed"] == "none" else Pass(value["blamed"]),
        tuple(map(_parse_objection, value["reasons"])),
    )


def parse_coded_object(reply: str, finish: FinishReason, nonce: str, names: set[str]) -> dict[str, Any]:
    """The JSON object of a reply with exactly these keys, of which ``code`` is the nonce. Raises ReplyError."""
    body = _take_body(reply, finish)
    if fenced := _FENCED.fullmatch(body):
        body = fenced[1]
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _describe_no_json(body) from None
    if not isinstance(value, dict):
        raise ReplyError(Reason.BAD_SCHEMA, "The reply is JSON, but no object.")
    if value.keys() != names:
        raise ReplyError(Reason.BAD_SCHEMA, f"The JSON object must have exactly the keys {', '.join(sorted(names))}.")
    if value["code"] != nonce:
        raise ReplyError(Reason.BAD_SCHEMA, '"code" is not the CODE of the task.')
    return value


def _describe_no_json(body: str) -> ReplyError:
    """What is wrong with a reply that is no JSON."""
    if "{" not in body:
        return ReplyError(Reason.BAD_SCHEMA, "The reply is no JSON object.")
    if not body.startswith("{"):
        return ReplyError(Reason.CHATTER, "There is text before the JSON object.")
    try:
        _, end = json.JSONDecoder().raw_decode(body)
    except (ValueError, RecursionError):
        return ReplyError(Reason.BAD_SCHEMA, "The JSON object is broken: check its quotes, commas and braces.")
    if body[end:].strip():
        return ReplyError(Reason.CHATTER, "There is text after the JSON object.")
    return ReplyError(Reason.BAD_SCHEMA, "The JSON object is broken.")


def _parse_objection(value: object) -> Objection:
    message = '"reasons" must hold objects with version (A or B), severity (minor, major, critical) and reason.'
    if not isinstance(value, dict) or value.keys() != {"version", "severity", "reason"}:
        raise ReplyError(Reason.BAD_SCHEMA, message)
    version, severity, text = value["version"], value["severity"], value["reason"]
    if version not in ("A", "B") or severity not in tuple(Severity) or not isinstance(text, str):
        raise ReplyError(Reason.BAD_SCHEMA, message)
    if not any(character.isalnum() for character in text):  # the three dots of the prompt, copied
        raise ReplyError(Reason.BAD_SCHEMA, 'A "reason" says nothing: it must name the fault.')
    return Objection(Side(version), Severity(severity), text)
