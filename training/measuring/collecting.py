"""Collects a model's replies to examples, and keeps each in a file at once: nothing is paid twice, nothing is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from midb.agent.engines.protocol import CallFailed
from midb.agent.model.batches import ask_all
from midb.agent.model.calls import Model
from midb.agent.model.tasks import Task
from midb.corpus.output import writing
from midb.domain.errors import UsageError
from midb.domain.generations import Counts, Generation, GenerationKey
from midb.training.examples.example import TrainingExample


class ReplyFile:
    """Replies as JSON Lines, written as they come. A last line that a crash has cut off is dropped.

    :raises UsageError: for a file that holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[GenerationKey, Generation] = {}
        self._ids = itertools.count(1)
        if path.exists():
            self._read()

    def __len__(self) -> int:
        return len(self._found)

    def _read(self) -> None:
        hint = "Choose another -o, or move that file away."
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror}.", hint=hint) from error
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines():
            try:
                generation = _read_generation(orjson.loads(line))
            except (orjson.JSONDecodeError, TypeError, KeyError, AttributeError) as error:
                raise UsageError(f"{self.path} holds something else than replies.", hint=hint) from error
            self._found[generation.key] = replace(generation, id=next(self._ids))
        if whole != content:
            with writing(self.path), self.path.open("r+b") as file:
                file.truncate(len(whole))

    def find(self, key: GenerationKey) -> Generation | None:
        """The reply with a key."""
        found = self._found.get(key)
        return None if found is None else replace(found, reused=True)

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        """Keep some, for good; returns them with numbers."""
        kept = [replace(one, id=next(self._ids)) for one in generations]
        with writing(self.path), self.path.open("ab") as file:
            file.writelines(orjson.dumps(_as_json(one)) + b"\n" for one in kept)
        self._found |= {one.key: one for one in kept}
        return kept


def _as_json(generation: Generation) -> dict[str, Any]:
    """What is kept of a reply: what it is found by, what it says, what it took. The examples have what was asked."""
    key = generation.key
    return {
        "prompt_hash": key.prompt_hash, "engine": key.engine, "sampling": key.sampling, "pass": generation.pass_,
        "completion": generation.completion, "finish_reason": generation.finish_reason, "seconds": generation.seconds,
        **generation.counts(),
    }  # fmt: skip


def _read_generation(value: dict[str, Any]) -> Generation:
    counts: dict[str, Any] = {name: int(value[name]) for name in Counts().counts()}
    return Generation(
        key=GenerationKey(str(value["prompt_hash"]), str(value["engine"]), str(value["sampling"])),
        pass_=str(value["pass"]),
        messages=(),
        completion=str(value["completion"]),
        finish_reason=str(value["finish_reason"]),
        seconds=float(value["seconds"]),
        **counts,
    )


@dataclass(frozen=True, slots=True)
class Failed:
    """An example that got no reply: ``code`` says why, see ``CallFailed``."""

    code: str


async def collect(
    model: Model,
    examples: Sequence[TrainingExample],
    adapter_of: Callable[[TrainingExample], str],
    *,
    done: Callable[[int], None] = lambda count: None,
) -> list[Generation | Failed]:
    """Ask about each example, as many at a time as the engine serves; returns what came, in their order.

    :param adapter_of: names the adapter that is to answer; "": the model as it is.
    :param done: is called with the number of examples that have a reply.
    :raises EngineDown: where nobody is served any more. What came before is in the model's store.
    """

    async def ask(example: TrainingExample) -> Generation | Failed:
        request = replace(example.request, adapter=adapter_of(example))
        task = Task(pass_=example.pass_, request=request, nonce=example.nonce, sections=example.sections)
        try:
            return await model.generate(task)
        except CallFailed as error:
            return Failed(error.code)

    return await ask_all(model, examples, ask, done=done)
