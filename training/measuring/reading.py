"""Reads held-out examples as `midb-agent examples` writes them, whole enough to ask and to judge replies by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from midb.agent.engines.protocol import Message, TextRequest
from midb.agent.model.sections import lay_out_pair, make_tag, pick_sections
from midb.agent.model.tasks import GROWTH
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.domain.hashing import digest, file_sha256
from midb.domain.pairs import Field, InstructionPair
from midb.text.languages import is_supported
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.writing import HELD_OUT, MANIFEST

_HINT = "midb-agent examples writes such files; make them again with this version."


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Examples that were kept away from a training.

    :param manifest: how they were made; empty where nothing says it.
    """

    path: Path
    sha256: str
    examples: tuple[TrainingExample, ...]
    manifest: Mapping[str, Any]

    @property
    def prompt_hashes(self) -> dict[str, str]:
        """SHA-256 of the prompts by name that the examples ask with."""
        found = self.manifest.get("prompts")
        return {str(name): str(value) for name, value in found.items()} if isinstance(found, dict) else {}


def read_held_out(given: Path) -> HeldOut:
    """Read the held-out side of a folder of examples, or a file of them.

    :raises UsageError: one sentence, for what is none.
    """
    path = given / HELD_OUT if given.is_dir() else given
    examples: list[TrainingExample] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    examples.append(_read_example(line, f"{path}:{number}"))
        sha256 = file_sha256(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", hint=_HINT) from error
    if not examples:
        raise UsageError(f"{path} holds no example.", hint="Hold more out: midb-agent examples --holdout 0.3")
    return HeldOut(path=path, sha256=sha256, examples=tuple(examples), manifest=_read_manifest(path, sha256))


def _read_manifest(path: Path, sha256: str) -> dict[str, Any]:
    """The manifest beside a file; empty where there is none, or where it is another file's."""
    try:
        found = json.loads(path.with_name(MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    hashes = found.get("sha256") if isinstance(found, dict) else None
    return dict(found) if isinstance(hashes, dict) and hashes.get(path.name) == sha256 else {}


def _read_example(line: bytes, place: str) -> TrainingExample:
    try:
        chat = json.loads(line)
        *asked, reply = chat["messages"]
        messages = tuple(Message(str(one["role"]), _require_text(one["content"])) for one in asked)
        language, nonce = str(chat["language"]), str(chat["nonce"])
        before, target = _read_pair(chat["before"]), _read_pair(chat["target"])
        source = None if chat["source"] is None else _read_pair(chat["source"])
        pass_, kind = Pass(chat["pass"]), ExampleKind(chat["kind"])
        completion = _require_text(reply["content"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise UsageError(f"{place} is no held-out example.", hint=_HINT) from error
    if pass_ not in REWRITING_PASSES or not is_supported(language) or not messages or not nonce.isalnum():
        raise UsageError(f"{place} is no held-out example.", hint=_HINT)
    sections = pick_sections(before, pass_)
    return TrainingExample(
        name=str(chat.get("name", "")),
        row=str(chat.get("row", "")) or digest(line)[:16],
        language=language,
        pass_=pass_,
        kind=kind,
        request=TextRequest(
            messages=messages,
            reference=lay_out_pair(before, sections, nonce),
            growth=GROWTH[pass_],
            stop=(make_tag("end", nonce),),
        ),
        completion=completion,
        nonce=nonce,
        sections=sections,
        before=before,
        target=target,
        source=source,
        defect=str(chat.get("defect") or ""),
    )


def _require_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _read_pair(value: Any) -> InstructionPair:
    if not isinstance(value, dict):
        raise TypeError("no texts")
    return InstructionPair(**{name.value: _require_text(value[name.value]) for name in Field if name.value in value})


def choose(examples: Sequence[TrainingExample], most: int, seed: int) -> list[TrainingExample]:
    """So many examples, by whole rows: which rows depends on the seed and their names alone; 0: all of them."""
    if not most or len(examples) <= most:
        return list(examples)
    rows = {example.row: hashlib.sha256(f"{seed} {example.row}".encode()).digest() for example in examples}
    ordered = sorted(examples, key=lambda example: rows[example.row])  # stable: a row's examples stay in their order
    kept = {example.row for example in ordered[:most]}
    return [example for example in examples if example.row in kept]
