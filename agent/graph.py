"""The state machine: which node follows which. Wrong wiring fails when the graph is compiled.

A graph takes a wave of pairs (`midb.agent.waves`) from node to node. Those that are to visit the same node visit it
together, as one task of LangGraph (`Send`), so that its own work is that of a few tasks, however many pairs there are.

No pair waits in it for a model, or all would: on its way to a node that may ask one it is sent *away* with the node's
work, and comes to the node in a later wave, with what the work came to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from midb.agent.state import Away, PairContext, PairState, Visit, Visitors, WaveState, advance
from midb.domain.decisions import REWRITING_PASSES, PairResult

Graph = CompiledStateGraph[WaveState, None, Any, Any]

#: Nodes that one pair may visit. A few dozen are many.
MOST_NODES = 1000

#: What the nodes that may ask a model do.
_ASKING: Mapping[str, Node] = {pass_.value: make_rewriting_pass(pass_) for pass_ in REWRITING_PASSES} | {
    "verify": verify
}

#: Says where a pair goes from a node.
_Route = Callable[[PairState, PairContext], str]


class EndlessPairError(Exception):
    """A pair goes round and round in the state machine."""


def build_graph() -> Graph:
    """Compile the state machine. One compiled graph serves any number of waves, one run each."""
    graph = StateGraph(WaveState)
    graph.add_conditional_edges(START, enter, ["diagnose", *_ASKING])
    _add(graph, "diagnose", diagnose, after_diagnosis, AfterDiagnosis)
    for pass_ in REWRITING_PASSES:
        _add(graph, pass_.value, _ASKING[pass_.value], after_pass, AfterPass)
    _add(graph, "verify", _ASKING["verify"], after_verify, AfterVerify)
    _add(graph, "revert", revert, after_revert, AfterRevert)
    # A pair that visits too many nodes ends by itself, before LangGraph would end its whole wave.
    return graph.compile().with_config(recursion_limit=MOST_NODES + 10)


def _add(graph: StateGraph[WaveState, Any, Any, Any], name: str, work: Node, route: _Route, names: object) -> None:
    """Add a node."""

    async def node(state: Visitors) -> Command[str]:  # the name that LangGraph asks for
        return _command([(visit, await contain(_step(visit, work, route))) for visit in state.visits])

    ends = {END if name == "record" else name: name for name in get_args(names)}  # what is recorded has left
    graph.add_node(name, node, input_schema=Visitors, destinations=ends)


def enter(state: WaveState) -> list[Send]:
    """Send the pairs of a wave where they go: new ones to be diagnosed, others to the node whose work they bring."""
    return _send(state["visits"])


async def diagnose(state: PairState, context: PairContext) -> PairState:
    """The first state of a pair, with the reason why it visits no pass where it visits none."""
    return nodes.route(await nodes.diagnose(state["original"], context), context)


async def _step(visit: Visit, work: Node, route: _Route) -> Visit | Away | PairResult:
    """Take a pair through a node: where it goes then, that it is sent away before, or what came of it."""
    context, came = visit.job.context, visit.came
    if came is None:
        came = await _limit(work, visit.state, context)
    elif isinstance(came, Exception):
        raise came
    state = advance(visit.state, came)
    following = route(state, context)
    if following == "record":
        return sum_up(state)
    if visit.seen >= MOST_NODES:
        raise EndlessPairError(f"it was not done after {MOST_NODES:,} nodes")
    going = Visit(visit.key, visit.job, following, state, seen=visit.seen + 1)
    if context.model and (asking := _ASKING.get(following)):
        return Away(going, functools.partial(_limit, asking, state, context))
    return going


async def _limit(work: Node, state: PairState, context: PairContext) -> PairState:
    """A node's work on a pair, limited to what is left of the record's time."""
    doing = work(state, context)
    return await (context.clock.drive(doing) if context.clock else doing)


def _command(steps: Iterable[tuple[Visit, Visit | Away | PairResult | Exception]]) -> Command[str]:
    """What LangGraph is told after a node: who is done, who is away, and who goes on."""
    results: list[tuple[int, PairResult | Exception]] = []
    away: list[Away] = []
    going: list[Visit] = []
    for visit, came in steps:
        if isinstance(came, Visit):
            going.append(came)
        elif isinstance(came, Away):
            away.append(came)
        else:
            results.append((visit.key, came))
    return Command(update={"results": results, "away": away}, goto=_send(going))


def _send(visits: Iterable[Visit]) -> list[Send]:
    """One task for each node that is to be visited."""
    groups: dict[str, list[Visit]] = {}
    for visit in visits:
        groups.setdefault(visit.node, []).append(visit)
    return [Send(node, Visitors(group)) for node, group in groups.items()]


async def take_through(graph: Graph, visits: Sequence[Visit]) -> WaveState:
    """Take a wave of pairs through the graph, until each is done or away."""
    came: dict[str, Any] = {}
    async for so_far in graph.astream({"visits": [*visits]}, stream_mode="values", output_keys=["results", "away"]):
        came = so_far
    return WaveState(results=came.get("results", []), away=came.get("away", []))


def draw() -> str:
    """The graph as mermaid text."""
    return str(build_graph().get_graph().draw_mermaid())
