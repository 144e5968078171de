"""The state machine: which node follows which. Wrong wiring fails when the graph is compiled."""

from __future__ import annotations

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from midb.agent.passes.nodes import diagnose, record, revert, route, verify
from midb.agent.passes.rewriting import Node, make_rewriting_pass
from midb.agent.routing import AfterPass, AfterRoute, AfterVerify, after_pass, after_route, after_verify
from midb.agent.state import PairContext, PairState
from midb.agent.untraced import untraced
from midb.domain.decisions import REWRITING_PASSES, PairResult
from midb.domain.pairs import InstructionPair

Graph = CompiledStateGraph[PairState, PairContext, Any, Any]


def build_graph() -> Graph:
    """Compile the state machine. One compiled graph serves any number of pairs, one run each."""
    graph = StateGraph(PairState, context_schema=PairContext)
    for node in (diagnose, route, verify):
        graph.add_node(node.__name__, _limit(node))
    for settled in (revert, record):
        graph.add_node(settled.__name__, settled)
    for pass_ in REWRITING_PASSES:
        graph.add_node(pass_.value, _limit(make_rewriting_pass(pass_)))
        graph.add_conditional_edges(pass_.value, _after_pass)
    graph.add_edge(START, "diagnose")
    graph.add_edge("diagnose", "route")
    graph.add_conditional_edges("route", _after_route)
    graph.add_conditional_edges("verify", _after_verify)
    graph.add_edge("revert", "record")
    graph.add_edge("record", END)
    return graph.compile()


def _limit(node: Node) -> Node:
    """The node with its computing limited to what is left of the record's time."""

    async def limited(state: PairState, runtime: Runtime[PairContext]) -> PairState:
        clock = runtime.context.clock
        return await (clock.drive(node(state, runtime=runtime)) if clock else node(state, runtime=runtime))

    return limited


def _after_route(state: PairState, runtime: Runtime[PairContext]) -> AfterRoute:
    return after_route(state, runtime.context)


def _after_pass(state: PairState, runtime: Runtime[PairContext]) -> AfterPass:
    return after_pass(state, runtime.context)


def _after_verify(state: PairState, runtime: Runtime[PairContext]) -> AfterVerify:
    return after_verify(state, runtime.context)


async def run_pair(graph: Graph, pair: InstructionPair, context: PairContext) -> PairResult:
    """Take one pair through the graph."""
    state = await untraced(graph.ainvoke({"original": pair}, context=context))
    result: PairResult = state["result"]
    return result


def draw() -> str:
    """The graph as mermaid text."""
    return str(build_graph().get_graph().draw_mermaid())
