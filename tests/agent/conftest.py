"""What the tests of the passes share: the scripted engine, and a pair taken through the whole graph by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import pytest

from midb.agent.graph import build_graph, run_pair
from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings, Route
from midb.agent.state import PairContext
from midb.detectors import KindSelection
from midb.domain.decisions import PairResult, Pass
from midb.domain.generations import Generation, GenerationKey
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.prompts import load_prompts
from midb.text.languages import LanguageIdentifier


@dataclass
class Store:
    """Generations in memory."""

    kept: dict[GenerationKey, Generation] = field(default_factory=dict)

    def find(self, key: GenerationKey) -> Generation | None:
        found = self.kept.get(key)
        return found and replace(found, reused=True)

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        numbered = [replace(one, id=len(self.kept) + n) for n, one in enumerate(generations, start=1)]
        assert not any(one.key in self.kept for one in numbered), "the same was asked twice"
        self.kept |= {one.key: one for one in numbered}
        return numbered


@pytest.fixture
def store() -> Store:
    return Store()


Passes = Callable[..., PairResult]


@pytest.fixture(scope="session")
def graph() -> Any:
    return build_graph()


@pytest.fixture
def through(scripted: ModuleType, graph: Any, store: Store, identifier: LanguageIdentifier) -> Passes:
    """Take one pair through the graph with a model that answers by a function; ``through.model`` is that model."""
    prompts = load_prompts()

    def run(
        pair: InstructionPair,
        answer: Callable[[Any], Any],
        *,
        language: str = "de",
        source: InstructionPair | None = None,
        route: Route = Route.ALL,
        passes: frozenset[Pass] = frozenset(Pass),
        kinds: frozenset[str] | None = None,
        salt: str = "",
    ) -> PairResult:
        engine = scripted.ScriptedEngine(answer)
        selection = KindSelection.parse() if kinds is None else KindSelection(kinds)

        async def all_of_it() -> PairResult:
            await engine.start()
            model = Model(engine, store, ModelSettings(prompts=prompts, route=route, budget=Budget(), salt=salt))
            run.model, run.engine = model, engine  # type: ignore[attr-defined]
            context = PairContext(load(language), source, selection, passes, identifier, model)
            return await run_pair(graph, pair, context)

        return asyncio.run(all_of_it())

    return run
