"""Exactly what a pass would send about a pair: the real state machine, with an engine that only takes down requests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from midb.agent.engines.protocol import Activity, FinishReason, Message, TextReply, TextRequest
from midb.agent.graph import build_graph
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings, PassAdapter, Route
from midb.agent.passes.judging import judge
from midb.agent.state import PairContext
from midb.agent.waves import Waves
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.generations import Generation, GenerationKey
from midb.domain.pairs import InstructionPair
from midb.prompts import PromptSet


class _Recorder:
    """An engine that writes down what it is asked, and answers that everything may stay as it is."""

    described = "preview"
    concurrency = 1

    def __init__(self) -> None:
        self.requests: list[TextRequest] = []

    def fingerprint(self, adapter: str = "") -> str:
        return "preview"

    async def start(self) -> None:
        pass

    @property
    def places(self) -> int:
        return self.concurrency

    def activity(self) -> Activity:
        return Activity()

    async def generate(self, request: TextRequest) -> TextReply:
        self.requests.append(request)
        return TextReply(text=request.reference, finish_reason=FinishReason.STOP, prompt_tokens=1, completion_tokens=1)

    def stop_retrying(self) -> None:
        pass

    async def close(self) -> None:
        pass


class _Forgetful:
    """A store that keeps nothing: every question is asked."""

    def find(self, key: GenerationKey) -> Generation | None:
        return None

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        return list(generations)


def preview(
    pass_: Pass,
    pair: InstructionPair,
    context: PairContext,
    prompts: PromptSet,
    salt: str,
    adapters: Mapping[Pass, PassAdapter] | None = None,
) -> tuple[Message, ...]:
    """The messages of the first request of a pass about a pair, where the model left everything else alone.

    ``adapters`` may have prompts of their own. ``salt`` is the run's, which decides the sides that a verdict sees. For
    verification, which compares a rewrite with its original, the provable repairs of all passes stand for the rewrite.
    """
    engine = _Recorder()
    settings = ModelSettings(prompts=prompts, adapters=adapters or {}, route=Route.ALL, salt=salt)
    model = Model(engine, _Forgetful(), settings)
    asyncio.run(_ask(pass_, pair, context, model))
    # A rewriting pass asks once, after those before it; a verdict that cannot be read is asked for again.
    return engine.requests[0 if pass_ is Pass.VERIFICATION else -1].messages


async def _ask(pass_: Pass, pair: InstructionPair, context: PairContext, model: Model) -> None:
    waves = Waves(build_graph())
    if pass_ is Pass.VERIFICATION:
        repaired = await waves.run_pair(pair, replace(context, model=None))
        await judge(pair, repaired.final, context, model, attempt=1, both_orders=False)
        return
    before = REWRITING_PASSES[: REWRITING_PASSES.index(pass_) + 1]
    await waves.run_pair(pair, replace(context, model=model, passes=frozenset(before)))
