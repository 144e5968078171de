"""Waves of pairs: who comes together goes together, and no pair waits for another's model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from scripted import Answer, ScriptedEngine, left_alone
from scripted_pairs import Store

from midb.agent import waves as waves_module
from midb.agent.engines.protocol import EngineDown, TextReply, TextRequest
from midb.agent.graph import Graph, take_through
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings, Route
from midb.agent.state import PairContext, PairJob, Visit, WaveState
from midb.agent.waves import Waves
from midb.detectors import KindSelection
from midb.domain.decisions import REWRITING_PASSES, PairResult, Pass
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.prompts import load_prompts
from midb.text.languages import LanguageIdentifier

#: What a test does on an event loop with the waves of some jobs.
Play = Callable[[Waves], Awaitable[None]]


@dataclass
class Doors(ScriptedEngine):
    """Answers what names no door at once; else as soon as it is open."""

    doors: dict[str, asyncio.Event] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)

    async def generate(self, request: TextRequest) -> TextReply:
        for name, door in self.doors.items():
            if name in request.messages[-1].content:
                try:
                    await door.wait()
                except asyncio.CancelledError:
                    self.cancelled.append(name)
                    raise
        return await super().generate(request)


class Stage:
    """Waves with a model, and how many pairs went in each."""

    def __init__(self, graph: Graph, identifier: LanguageIdentifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self.graph, self.identifier = graph, identifier
        self.sizes: list[int] = []
        monkeypatch.setattr(waves_module, "take_through", self._take_through)

    async def _take_through(self, graph: Graph, visits: Sequence[Visit]) -> WaveState:
        self.sizes.append(len(visits))
        return await take_through(graph, visits)

    def play(self, act: Play, answer: Callable[[TextRequest], Answer] = left_alone, doors: Sequence[str] = ()) -> None:
        async def on_loop() -> None:
            self.engine = Doors(answer, doors={name: asyncio.Event() for name in doors})
            await self.engine.start()
            self.model = Model(self.engine, Store(), ModelSettings(prompts=load_prompts(), route=Route.ALL))
            await act(Waves(self.graph))

        asyncio.run(on_loop())

    def job(self, response: str) -> PairJob:
        """A pair that all passes ask the model about."""
        context = PairContext(
            load("de"), None, KindSelection(frozenset()), frozenset(Pass), self.identifier, self.model
        )  # fmt: skip
        return PairJob(InstructionPair(instruction="Nenne etwas.", response=response), context)

    async def turns(self) -> None:
        """Let all come to an end that waits for no door."""
        for _ in range(500):
            await asyncio.sleep(0)


@pytest.fixture
def stage(graph: Graph, identifier: LanguageIdentifier, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(graph, identifier, monkeypatch)


def responses(results: Sequence[PairResult | Exception]) -> list[str | None]:
    return [result.final.response for result in results if isinstance(result, PairResult)]


#: Waves of pairs that a model leaves alone: they are away in each pass and in the verification, and the first wave both
#: diagnoses them and takes them to the first pass.
WAVES = 1 + len((*REWRITING_PASSES, Pass.VERIFICATION))


def test_pairs_that_come_together_go_together(stage: Stage) -> None:
    async def act(waves: Waves) -> None:
        alone = [waves.run([stage.job(f"Wort {n}.")]) for n in range(5)]
        together = waves.run([stage.job(f"Satz {n}.") for n in range(7)])
        *single, several = await asyncio.gather(*alone, together)
        assert [text for results in single for text in responses(results)] == [f"Wort {n}." for n in range(5)]
        assert responses(several) == [f"Satz {n}." for n in range(7)]

    stage.play(act)
    assert stage.sizes == [12] * WAVES


def test_a_pair_that_waits_for_a_model_holds_up_no_other(stage: Stage) -> None:
    async def act(waves: Waves) -> None:
        slow = asyncio.ensure_future(waves.run([stage.job("Langsam.")]))
        await stage.turns()
        for n in range(3):
            assert responses(await waves.run([stage.job(f"Schnell {n}.")])) == [f"Schnell {n}."]
        assert not slow.done()
        stage.engine.doors["Langsam"].set()
        assert responses(await slow) == ["Langsam."]

    stage.play(act, doors=["Langsam"])


@pytest.mark.parametrize("pause", [0.0, 1e9])
def test_nobody_waits_where_nobody_else_can_come(stage: Stage, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a pause of thirty years would be noticed."""
    monkeypatch.setattr(waves_module, "PAUSE", pause)

    async def act(waves: Waves) -> None:
        assert responses(await waves.run([stage.job("Eins.")])) == ["Eins."]
        assert responses(await waves.run([stage.job("Zwei."), stage.job("Drei.")])) == ["Zwei.", "Drei."]

    stage.play(act)


def test_who_comes_during_the_pause_goes_along(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waves_module, "PAUSE", 1e9)

    async def act(waves: Waves) -> None:
        pairs = [asyncio.ensure_future(waves.run([stage.job(text)])) for text in ("Eins.", "Zwei.", "Drei.")]
        for name in ("Eins", "Zwei", "Drei"):
            await stage.turns()
            assert stage.sizes == [3]
            stage.engine.doors[name].set()
        await asyncio.gather(*pairs)

    stage.play(act, doors=["Eins", "Zwei", "Drei"])
    assert stage.sizes == [3] * WAVES


def test_a_pair_that_nobody_wants_any_more_is_dropped_with_its_call(stage: Stage) -> None:
    async def act(waves: Waves) -> None:
        dropped = asyncio.ensure_future(waves.run([stage.job("Weg."), stage.job("Auch weg.")]))
        kept = asyncio.ensure_future(waves.run([stage.job("Da.")]))
        await stage.turns()
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        stage.engine.doors["Da"].set()
        assert responses(await kept) == ["Da."]
        await stage.model.close()  # ends the calls that others might have shared

    stage.play(act, doors=["Weg", "weg", "Da"])
    assert len(stage.engine.cancelled) == 2


def test_a_pair_that_is_dropped_in_the_middle_of_a_wave_asks_nothing(stage: Stage) -> None:
    async def act(waves: Waves) -> None:
        dropped = asyncio.ensure_future(waves.run([stage.job("Weg.")]))
        while not stage.sizes:
            await asyncio.sleep(0)
        dropped.cancel()
        await stage.turns()
        assert (dropped.cancelled(), stage.engine.requests) == (True, [])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    stage.play(act)


@pytest.mark.parametrize("answered", [0, 4])
def test_what_no_pair_can_be_examined_for_reaches_who_waits_and_leaves_nothing_behind(
    stage: Stage, answered: int
) -> None:
    down = EngineDown("nobody there")

    def answer(request: TextRequest) -> Answer:
        return down if len(stage.engine.requests) > answered and "Böse" in request.messages[-1].content else "?"

    async def act(waves: Waves) -> None:
        together = asyncio.ensure_future(waves.run([stage.job("Böse."), stage.job("Wartet.")]))
        other = asyncio.ensure_future(waves.run([stage.job("Anderer.")]))
        with pytest.raises(EngineDown) as caught:
            await together
        assert caught.value is down
        assert responses(await other) == ["Anderer."]
        await stage.model.close()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    stage.play(act, answer, doors=["Wartet"])


def test_an_error_in_the_machine_itself_reaches_all_of_its_wave(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(graph: Graph, visits: Sequence[Visit]) -> WaveState:
        raise RuntimeError("LangGraph")

    async def act(waves: Waves) -> None:
        monkeypatch.setattr(waves_module, "take_through", broken)
        for failed in await asyncio.gather(*(waves.run([stage.job(str(n))]) for n in range(3)), return_exceptions=True):
            assert repr(failed) == "RuntimeError('LangGraph')"
        monkeypatch.setattr(waves_module, "take_through", take_through)
        assert responses(await waves.run([stage.job("Wieder.")])) == ["Wieder."]

    stage.play(act)


def test_a_loop_that_was_left_in_the_middle_does_not_stop_the_next(
    stage: Stage, graph: Graph, identifier: LanguageIdentifier
) -> None:
    waves = Waves(graph)

    async def leave(_: Waves) -> None:
        going = asyncio.ensure_future(waves.run([stage.job("Eins.")]))
        await stage.turns()
        assert not going.done()

    async def again(_: Waves) -> None:
        assert responses(await waves.run([stage.job("Zwei.")])) == ["Zwei."]

    stage.play(leave, doors=["Eins"])
    stage.play(again)
