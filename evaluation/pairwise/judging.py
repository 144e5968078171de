"""Pairs before a judge: each in both orders, many at once, nothing asked twice, nobody told which side is which."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from midb.agent.engines.protocol import CallFailed, EngineDown, EngineStopped
from midb.agent.model.batches import ask_all
from midb.agent.model.calls import Model, read_finish
from midb.agent.model.replies import ReplyError, Side
from midb.agent.state import MAX_FAILURES
from midb.domain.decisions import Pass
from midb.domain.pairs import InstructionPair
from midb.evaluation.pairwise.preferences import make_task, parse_preference

#: What a verdict is that prefers neither side.
TIE = "tie"

#: Characters of the reasons that are kept.
_LONGEST_DETAIL = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """Two versions of a pair, by the names of their sides.

    :param item: its name; ``row`` what it has in common with its translations.
    :param versions: by side, two of them; the second is the one that is hoped to be better.
    """

    item: str
    language: str
    row: str
    versions: tuple[tuple[str, InstructionPair], tuple[str, InstructionPair]]
    source: InstructionPair | None = None

    @property
    def lengths(self) -> tuple[int, int]:
        """Characters of the responses; of the whole pair where neither has one."""
        found = [len((pair.response or "").strip()) for _, pair in self.versions]
        if not any(found):
            found = [sum(len(text) for _, text in pair.texts()) for _, pair in self.versions]
        return found[0], found[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a judge said of a pair in one order.

    :param first: the side that was shown first.
    :param preferred: a side, ``TIE``, or "" where there is no usable verdict; then ``failure`` is a code.
    :param generations: rows of all replies that it took.
    """

    first: str
    preferred: str
    detail: str
    failure: str = ""
    generations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedTwice:
    """A pair and what the judge said of it, in both orders."""

    pair: JudgedPair
    opinions: tuple[Opinion, Opinion]

    @property
    def usable(self) -> bool:
        """Whether there is a verdict in both orders."""
        return all(opinion.preferred for opinion in self.opinions)

    @property
    def flipped(self) -> bool:
        """Whether the order of the sides changed the verdict."""
        return self.usable and self.opinions[0].preferred != self.opinions[1].preferred

    @property
    def outcome(self) -> int | None:
        """1 where the second side is preferred in both orders, -1 for the first, else 0, a tie; None: no verdict.

        Orders that disagree are a tie: it was the order that decided.
        """
        if not self.usable:
            return None
        if self.flipped or self.opinions[0].preferred == TIE:
            return 0
        return 1 if self.opinions[0].preferred == self.pair.versions[1][0] else -1


async def judge_pairs(
    model: Model,
    pairs: Sequence[JudgedPair],
    *,
    done: Callable[[int], None] = lambda count: None,
) -> list[JudgedTwice | None]:
    """Judge pairs, as many at a time as the engine serves; None for those that the budget was too short for.

    :param done: is called with the number of pairs that are judged.
    :raises EngineDown: where nobody is served any more. What came before is in the model's store.
    """

    async def judge(pair: JudgedPair) -> JudgedTwice | None:
        if model.exhausted:
            return None
        (one, first), (other, second) = pair.versions
        opinions = await asyncio.gather(
            _ask(model, pair, (one, other), (first, second)), _ask(model, pair, (other, one), (second, first))
        )
        return JudgedTwice(pair=pair, opinions=(opinions[0], opinions[1]))

    return await ask_all(model, pairs, judge, calls=2, done=done)


async def _ask(
    model: Model, pair: JudgedPair, names: tuple[str, str], shown: tuple[InstructionPair, InstructionPair]
) -> Opinion:
    """One order. A reply that cannot be read is asked for once more, and told what was wrong."""
    failures: tuple[str, ...] = ()
    asked: tuple[int, ...] = ()
    code = ""
    while len(failures) < MAX_FAILURES:
        task = make_task(model.settings.prompts, *shown, pair.language, source=pair.source, failures=failures)
        try:
            generation = await model.generate(task)
        except (EngineDown, EngineStopped):
            raise
        except CallFailed as error:
            return Opinion(
                first=names[0],
                preferred="",
                detail=error.message[:_LONGEST_DETAIL],
                failure=error.code,
                generations=asked,
            )
        asked += (generation.id,)
        try:
            said = parse_preference(generation.completion, read_finish(generation), task.nonce)
        except ReplyError as error:
            model.count_failed_attempt(Pass.EVALUATION)
            failures += (str(error),)
            code = error.reason.value
            continue
        preferred = TIE if said.preferred is None else names[0] if said.preferred is Side.A else names[1]
        return Opinion(first=names[0], preferred=preferred, detail=said.describe()[:_LONGEST_DETAIL], generations=asked)
    return Opinion(first=names[0], preferred="", detail=failures[-1], failure=code, generations=asked)
