"""The state machine: which node follows which. Wrong wiring fails when the graph is compiled.

A graph takes a batch of pairs. They are diagnosed together, and most are done then: there is nothing to repair. Each of
the others goes from node to node by itself, as a task of LangGraph (`Send`) that carries its state.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, get_args

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, Send

from midb.agent.failures import contain
from midb.agent.passes import nodes
from midb.agent.passes.nodes import revert, sum_up, verify
from midb.agent.passes.rewriting import Node, make_rewriting_pass
from midb.agent.routing import (
    AfterDiagnosis,
    AfterPass,
    AfterRevert,
    AfterVerify,
    after_diagnosis,
    after_pass,
    after_revert,
    after_verify,
)
from midb.agent.state import BatchState, PairContext, PairJob, PairState, Visit, advance
from midb.agent.untraced import untraced
from midb.domain.decisions import REWRITING_PASSES, PairResult
from midb.domain.pairs import InstructionPair

Graph = CompiledStateGraph[BatchState, None, Any, Any]

#: Nodes that one pair may visit. A few dozen are many.
MOST_NODES = 1000

#: Says where a pair goes from a node.
_Route = Callable[[PairState, PairContext], str]


class EndlessPairError(Exception):
    """A pair goes round and round in the state machine."""


def build_graph() -> Graph:
    """Compile the state machine. One compiled graph serves any number of batches, one run each."""
    graph = StateGraph(BatchState)
    graph.add_edge(START, "diagnose")
    graph.add_node("diagnose", diagnose, destinations=_ends(AfterDiagnosis))
    for pass_ in REWRITING_PASSES:
        _add(graph, pass_.value, make_rewriting_pass(pass_), after_pass, AfterPass)
    _add(graph, "verify", verify, after_verify, AfterVerify)
    _add(graph, "revert", revert, after_revert, AfterRevert)
    # A pair that visits too many nodes ends by itself, before LangGraph would end its whole batch.
    return graph.compile().with_config(recursion_limit=MOST_NODES + 10)


def _add(graph: StateGraph[BatchState, Any, Any, Any], name: str, work: Node, route: _Route, names: object) -> None:
    """Add a node that pairs visit one by one."""

    async def node(state: Visit) -> Command[str]:  # the name that LangGraph asks for
        return _command([(state.index, await contain(_step(state, work(state.state, state.job.context), route)))])

    graph.add_node(name, node, input_schema=Visit, destinations=_ends(names))


def _ends(names: object) -> dict[str, str]:
    """The nodes that a route names, with what is drawn at the way there. What is recorded leaves the machine."""
    return {END if name == "record" else name: name for name in get_args(names)}


async def diagnose(state: BatchState) -> Command[str]:
    """Find what is wrong with each pair as it came."""
    visits = [Visit(index, job) for index, job in enumerate(state["jobs"])]
    return _command(
        [(visit.index, await contain(_step(visit, _diagnose(visit.job), after_diagnosis))) for visit in visits]
    )


async def _diagnose(job: PairJob) -> PairState:
    """The first state of a pair, with the reason why it visits no pass where it visits none."""
    return nodes.route(await nodes.diagnose(job.pair, job.context), job.context)


async def _step(visit: Visit, work: Coroutine[Any, Any, PairState], route: _Route) -> Send | PairResult:
    """Await a node's work on a pair, limited to what is left of the record's time; then where the pair goes, or what
    came of it."""
    context = visit.job.context
    state = advance(visit.state, await (context.clock.drive(work) if context.clock else work))
    following = route(state, context)
    if following == "record":
        return sum_up(state)
    if visit.seen >= MOST_NODES:
        raise EndlessPairError(f"it was not done after {MOST_NODES:,} nodes")
    return Send(following, Visit(visit.index, visit.job, state, visit.seen + 1))


def _command(steps: Iterable[tuple[int, Send | PairResult | Exception]]) -> Command[str]:
    """What LangGraph is told after steps of some pairs: who is done, and who goes on."""
    results: list[tuple[int, PairResult | Exception]] = []
    going: list[Send] = []
    for index, came in steps:
        if isinstance(came, Send):
            going.append(came)
        else:
            results.append((index, came))
    return Command(update={"results": results}, goto=going)


async def run_batch(graph: Graph, jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
    """Take a batch of pairs through the graph: what came of each, or the error that kept it from being examined."""
    results = await untraced(_drive_through(graph, jobs))
    return [came for _, came in sorted(results, key=lambda done: done[0])]


async def _drive_through(graph: Graph, jobs: Sequence[PairJob]) -> list[tuple[int, PairResult | Exception]]:
    """The results of a batch, in the order in which they came. Nothing else of the state is asked for."""
    results: list[tuple[int, PairResult | Exception]] = []
    async for so_far in graph.astream({"jobs": [*jobs]}, stream_mode="values", output_keys="results"):
        results = so_far  # type: ignore[assignment]
    return results


async def run_pair(graph: Graph, pair: InstructionPair, context: PairContext) -> PairResult:
    """Take one pair through the graph; raises what kept it from being examined."""
    (result,) = await run_batch(graph, [PairJob(pair, context)])
    if isinstance(result, Exception):
        raise result
    return result


def draw() -> str:
    """The graph as mermaid text."""
    return str(build_graph().get_graph().draw_mermaid())
