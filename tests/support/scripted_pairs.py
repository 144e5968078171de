"""Pairs taken through the whole state machine by a model that answers by a function."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import scripted
from scripted import Answer, ScriptedEngine

from midb.agent.engines.protocol import TextRequest
from midb.agent.graph import Graph
from midb.agent.model.calls import Model
from midb.agent.model.settings import Budget, ModelSettings, PassAdapter, Route
from midb.agent.state import PairContext
from midb.agent.waves import Waves
from midb.detectors import KindSelection
from midb.domain.decisions import PairResult, Pass
from midb.domain.generations import Generation, GenerationKey
from midb.domain.pairs import InstructionPair
from midb.locales import load
from midb.prompts import PromptSet, load_prompts
from midb.text.languages import LanguageIdentifier

#: What a scripted model answers to a request.
Script = Callable[[TextRequest], Answer]


@dataclass
class Store:
    """Generations in memory; nothing may be asked twice."""

    kept: dict[GenerationKey, Generation] = field(default_factory=dict)

    def find(self, key: GenerationKey) -> Generation | None:
        found = self.kept.get(key)
        return found and replace(found, reused=True)

    def add(self, generations: Sequence[Generation]) -> list[Generation]:
        numbered = [replace(one, id=len(self.kept) + n) for n, one in enumerate(generations, start=1)]
        assert not any(one.key in self.kept for one in numbered), "the same was asked twice"
        self.kept |= {one.key: one for one in numbered}
        return numbered


@dataclass
class Through:
    """Takes one pair through the graph; ``model`` and ``engine`` are those of the last call."""

    graph: Graph
    store: Store
    identifier: LanguageIdentifier
    prompts: PromptSet = field(default_factory=load_prompts)
    model: Model = field(init=False)
    engine: ScriptedEngine = field(init=False)

    def fresh(self) -> Through:
        """The same with no reply kept."""
        return replace(self, store=Store())

    def __call__(
        self,
        pair: InstructionPair,
        answer: Script,
        *,
        language: str = "de",
        source: InstructionPair | None = None,
        route: Route = Route.ALL,
        passes: frozenset[Pass] = frozenset(Pass),
        kinds: frozenset[str] | None = None,
        salt: str = "",
        judge_orders: int = 2,
        adapters: Mapping[Pass, PassAdapter] | None = None,
    ) -> PairResult:
        self.engine = ScriptedEngine(answer)
        selection = KindSelection.parse() if kinds is None else KindSelection(kinds)

        async def take() -> PairResult:
            await self.engine.start()
            settings = ModelSettings(
                prompts=self.prompts, adapters=adapters or {}, route=route, budget=Budget(), salt=salt,
                judge_orders=judge_orders,
            )  # fmt: skip
            self.model = Model(self.engine, self.store, settings)
            context = PairContext(load(language), source, selection, passes, self.identifier, self.model)
            return await Waves(self.graph).run_pair(pair, context)

        return asyncio.run(take())


#: A pair with a mistake that no rule finds: the sky turns green.
PAIR = InstructionPair(
    instruction="Erkläre kurz, warum der Himmel blau ist.",
    input="",
    response="Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht. "
    "Am Abend legt das Licht einen längeren Weg zurück, und der Himmel wird grün.",
)

#: Its response without it.
BETTER = (PAIR.response or "").replace("grün", "rot")


def trail_of(result: PairResult) -> list[tuple[str, str, str]]:
    """Pass, action and reason of each decision."""
    return [(d.pass_.value, d.action.value, d.reason.value) for d in result.decisions]


def rewrite_in(pass_: str, text: str, prefers: str | None = None) -> Script:
    """Writes ``text`` as the response in one pass and leaves all else alone; prefers what holds ``prefers``."""

    def answer(request: TextRequest) -> str:
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, prefers or text)
        rewrites = scripted.pass_of(request) == pass_ and scripted.read_sections(request)["response"] != text
        return scripted.reply(request, response=text) if rewrites else scripted.left_alone(request)

    return answer
