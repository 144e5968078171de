"""The state machine: which node follows which. Wrong wiring fails when the graph is compiled.

A graph takes a batch of pairs. Most have nothing to repair: they are diagnosed together, and only the others each start
a machine of their own, which leads them from pass to pass. LangGraph's way of fanning out (Send) does that.
"""

from __future__ import annotations

from collections.abc import Coroutine, Hashable, Sequence
from typing import Any, Literal, get_args

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from midb.agent.failures import contain
from midb.agent.passes import nodes
from midb.agent.passes.nodes import revert, sum_up, verify
from midb.agent.passes.rewriting import Node, make_rewriting_pass
from midb.agent.routing import AfterPass, AfterVerify, after_pass, after_verify, choose_pass
from midb.agent.state import BatchState, PairContext, PairJob, PairState, Rewriting
from midb.agent.untraced import untraced
from midb.domain.decisions import REWRITING_PASSES, PairResult
from midb.domain.pairs import InstructionPair

Graph = CompiledStateGraph[BatchState, None, Any, Any]
PairGraph = CompiledStateGraph[PairState, PairContext, Any, Any]


def build_graph() -> Graph:
    """Compile the state machine. One compiled graph serves any number of batches, one run each."""
    machine = build_pair_graph()

    async def rewrite(state: Rewriting) -> BatchState:
        done = await contain(_drive_through(machine, state["state"], state["job"].context))
        return {"rewritten": [(state["index"], done)]}

    graph = StateGraph(BatchState)
    graph.add_node("diagnose", diagnose)
    graph.add_node("route", route)
    graph.add_node("record", record)
    graph.add_node("rewrite", rewrite, input_schema=Rewriting)
    graph.add_edge(START, "diagnose")
    graph.add_edge("diagnose", "route")
    graph.add_conditional_edges("route", _after_route, ["rewrite", "record"])
    graph.add_edge("rewrite", "record")
    graph.add_edge("record", END)
    return graph.compile()


def build_pair_graph() -> PairGraph:
    """Compile the machine of one pair that was diagnosed and has something to repair, or a model to ask."""
    graph = StateGraph(PairState, context_schema=PairContext)
    graph.add_node("verify", _limit(verify))
    graph.add_node("revert", revert)
    for pass_ in REWRITING_PASSES:
        graph.add_node(pass_.value, _limit(make_rewriting_pass(pass_)))
        graph.add_conditional_edges(pass_.value, _after_pass)
    graph.add_conditional_edges(START, _after_pass, [pass_.value for pass_ in REWRITING_PASSES])
    graph.add_conditional_edges("verify", _after_verify, _BEHIND_VERIFY)
    graph.add_edge("revert", END)
    return graph.compile()


#: What is recorded leaves the machine of its own pair.
_BEHIND_VERIFY: dict[Hashable, str] = {name: name for name in get_args(AfterVerify)} | {"record": END}


async def diagnose(state: BatchState) -> BatchState:
    """Find what is wrong with each pair as it came."""
    return {"states": [await contain(_driven(job, nodes.diagnose(job.pair, job.context))) for job in state["jobs"]]}


async def route(state: BatchState) -> BatchState:
    """Log why a pair visits no pass; the passes themselves log why they were visited."""
    jobs = zip(state["jobs"], state["states"], strict=True)
    return {"states": [one if isinstance(one, Exception) else nodes.route(one, job.context) for job, one in jobs]}


async def _after_route(state: BatchState) -> list[Send] | Literal["record"]:
    """A machine for each pair that a pass is to visit; past all of them where there is none."""
    jobs = enumerate(zip(state["jobs"], state["states"], strict=True))
    return [
        Send("rewrite", Rewriting(index=index, job=job, state=one))
        for index, (job, one) in jobs
        if not isinstance(one, Exception) and choose_pass(one, job.context)
    ] or "record"


async def record(state: BatchState) -> BatchState:
    """Sum up each pair: the outcome, and what became of each finding."""
    final = [*state["states"]]
    for index, one in state.get("rewritten", []):
        final[index] = one
    return {"results": [one if isinstance(one, Exception) else sum_up(one) for one in final]}


async def _drive_through(machine: PairGraph, state: PairState, context: PairContext) -> PairState:
    """Take one pair through its machine, to its last state."""
    last: PairState = await machine.ainvoke(state, context=context)  # type: ignore[assignment]
    return last


async def _driven(job: PairJob, work: Coroutine[Any, Any, PairState]) -> PairState:
    """Await work on a pair with its computing limited to what is left of the record's time."""
    clock = job.context.clock
    return await (clock.drive(work) if clock else work)


def _limit(node: Node) -> Node:
    """The node with its computing limited to what is left of the record's time."""

    async def limited(state: PairState, runtime: Runtime[PairContext]) -> PairState:
        clock = runtime.context.clock
        return await (clock.drive(node(state, runtime=runtime)) if clock else node(state, runtime=runtime))

    return limited


# LangGraph calls a function that is not async in a thread, and starts one for it.
async def _after_pass(state: PairState, runtime: Runtime[PairContext]) -> AfterPass:
    return after_pass(state, runtime.context)


async def _after_verify(state: PairState, runtime: Runtime[PairContext]) -> AfterVerify:
    return after_verify(state, runtime.context)


async def run_batch(graph: Graph, jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
    """Take a batch of pairs through the graph: what came of each, or the error that kept it from being examined."""
    state = await untraced(graph.ainvoke({"jobs": [*jobs]}))
    results: list[PairResult | Exception] = state["results"]
    return results


async def run_pair(graph: Graph, pair: InstructionPair, context: PairContext) -> PairResult:
    """Take one pair through the graph; raises what kept it from being examined."""
    (result,) = await run_batch(graph, [PairJob(pair, context)])
    if isinstance(result, Exception):
        raise result
    return result


def draw() -> str:
    """The graph as mermaid text."""
    return str(build_graph().get_graph(xray=True).draw_mermaid())
