"""Pairs that come to the state machine at about the same time go through it together, in waves.

LangGraph takes about a millisecond for a run of its graph, however many pairs are in it. A pair that asks a model comes
five times or more: by itself it would cost more than all that is done to it.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from midb.agent.failures import contain
from midb.agent.graph import Graph, take_through
from midb.agent.state import Away, PairContext, PairJob, PairState, Visit
from midb.agent.untraced import start_untraced
from midb.domain.decisions import PairResult
from midb.domain.pairs import InstructionPair

#: Seconds from the beginning of a wave to that of the next: who comes meanwhile goes together. A few times what
#: LangGraph takes for one, and nothing beside a reply of a model. Nobody waits where nobody else can come.
PAUSE = 0.004


@dataclass(slots=True)
class _Party:
    """Pairs that came together, of which somebody awaits the results."""

    results: list[PairResult | Exception | None]
    left: int
    done: asyncio.Future[None]


class Waves:
    """Takes pairs through a graph, on whatever event loop asks for it."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._keys = itertools.count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forget(None)

    def _forget(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Begin on another loop: what was under way on the one before is gone with it."""
        self._loop = loop
        self._places: dict[int, tuple[_Party, int]] = {}  # of every pair that is not done, by its key
        self._away: dict[int, asyncio.Task[PairState | Exception]] = {}
        self._waiting: list[Visit] = []
        self._wave: asyncio.Task[None] | None = None
        self._next: asyncio.Handle | None = None
        self._began = -math.inf

    async def run(self, jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
        """Take some pairs through the graph: what came of each, or the error that kept it from being examined.

        Raises what no pair can be examined for.
        """
        if not jobs:
            return []
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._forget(loop)
        party = _Party([None] * len(jobs), len(jobs), loop.create_future())
        keys = list(itertools.islice(self._keys, len(jobs)))
        self._places |= {key: (party, place) for place, key in enumerate(keys)}
        self._waiting += [
            Visit(key, job, "diagnose", PairState(original=job.pair)) for key, job in zip(keys, jobs, strict=True)
        ]
        self._schedule()
        try:
            await party.done
        finally:
            await self._drop(keys)
        return [result for result in party.results if result is not None]

    async def run_pair(self, pair: InstructionPair, context: PairContext) -> PairResult:
        """Take one pair through the graph; raises what kept it from being examined."""
        (result,) = await self.run([PairJob(pair, context)])
        if isinstance(result, Exception):
            raise result
        return result

    async def _drop(self, keys: Iterable[int]) -> None:
        """Forget pairs; where they are not done, nobody wants them any more."""
        works = []
        for key in keys:
            self._places.pop(key, None)
            if work := self._away.pop(key, None):
                work.cancel()
                works.append(work)
        if works:
            await asyncio.wait(works)

    # -- one wave after another -------------------------------------------------------------------------------------

    def _schedule(self) -> None:
        """See to it that a wave begins for those who wait: after the pause, or now that nobody else can come.

        Now means in the next turn of the loop: others may come in this one.
        """
        if self._wave or not self._waiting:
            return
        assert self._loop is not None
        everybody = len(self._waiting) >= len(self._places)
        if everybody and isinstance(self._next, asyncio.TimerHandle):
            self._next.cancel()
            self._next = None
        if self._next is None:
            self._next = (
                self._loop.call_soon(self._begin) if everybody else self._loop.call_at(self._began + PAUSE, self._begin)
            )

    def _begin(self) -> None:
        assert self._loop is not None
        self._next = None
        self._began = self._loop.time()
        visits = [visit for visit in self._waiting if visit.key in self._places]
        self._waiting = []
        if visits:
            self._wave = start_untraced(self._take_through(visits))
            self._wave.add_done_callback(self._ended)

    def _ended(self, wave: asyncio.Task[None]) -> None:
        self._wave = None
        if not wave.cancelled():
            wave.result()
        self._schedule()

    async def _take_through(self, visits: Sequence[Visit]) -> None:
        try:
            came = await take_through(self._graph, visits)
        except Exception as error:
            for visit in visits:
                self._fail(visit.key, error)
            return
        for away in came["away"]:
            self._send_away(away)
        for key, result in came["results"]:
            self._settle(key, result)

    def _send_away(self, away: Away) -> None:
        if away.visit.key in self._places:  # not dropped meanwhile
            self._away[away.visit.key] = work = start_untraced(contain(away.work()))
            work.add_done_callback(functools.partial(self._return, away.visit))

    def _return(self, visit: Visit, work: asyncio.Task[PairState | Exception]) -> None:
        """Who was away is back, unless it was dropped."""
        if self._away.pop(visit.key, None) is None:
            return
        if work.cancelled():
            self._fail(visit.key, asyncio.CancelledError())
        elif error := work.exception():
            self._fail(visit.key, error)
        else:
            visit.came = work.result()
            self._waiting.append(visit)
        self._schedule()

    def _settle(self, key: int, result: PairResult | Exception) -> None:
        """A pair is done."""
        if (found := self._places.pop(key, None)) is None:
            return
        party, place = found
        party.results[place] = result
        party.left -= 1
        if not party.left and not party.done.done():
            party.done.set_result(None)

    def _fail(self, key: int, error: BaseException) -> None:
        """What no pair can be examined for ends all that came with this one."""
        if (found := self._places.pop(key, None)) is not None and not found[0].done.done():
            found[0].done.set_exception(error)
