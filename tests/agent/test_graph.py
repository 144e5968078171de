"""The state machine: the whole trail of nodes a pair takes, with findings that are made up for the purpose."""

from __future__ import annotations

import asyncio
import re
from typing import Protocol

import pytest
from scripted_findings import Detect, all_of, context_of, find_nothing, replace_text
from scripted_pairs import trail_of

from midb.agent import graph as graph_module
from midb.agent.engines.protocol import EngineDown
from midb.agent.graph import build_graph, draw
from midb.agent.state import MAX_ATTEMPTS, PairJob, PairState, Visit, WaveState
from midb.agent.waves import Waves
from midb.domain.decisions import Action, Outcome, PairResult, Pass, Reason
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.edits import Edit, apply
from midb.domain.errors import AuditError
from midb.domain.pairs import Field, InstructionPair
from midb.text.languages import LanguageIdentifier


class Run(Protocol):
    """Takes a pair with some response through the graph, with the findings of a script."""

    def __call__(self, script: Detect, response: str, passes: frozenset[Pass] = ...) -> PairResult: ...


@pytest.fixture(scope="module")
def run() -> Run:
    graph, identifier = build_graph(), LanguageIdentifier()

    def run(script: Detect, response: str, passes: frozenset[Pass] = frozenset(Pass)) -> PairResult:
        context = context_of(script, identifier, passes=passes)
        return asyncio.run(Waves(graph).run_pair(InstructionPair(instruction="Frage", response=response), context))

    return run


def test_clean_pair_visits_no_pass(run: Run) -> None:
    result = run(lambda pair: [], "Alles gut.")
    assert trail_of(result) == [("route", "skipped", "nothing-found")]
    assert result.outcome is Outcome.UNCHANGED


def test_finding_without_repair_stays_open(run: Run) -> None:
    finding = Finding("x", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, 0, 5, "seen")
    result = run(lambda pair: [finding], "Alles gut.")
    assert trail_of(result) == [("route", "skipped", "nothing-repairable")]
    assert [(logged.status, logged.decision) for logged in result.findings] == [(FindingStatus.OPEN, None)]


def test_passes_are_visited_in_order_and_only_where_needed(run: Run) -> None:
    script = all_of(replace_text("localization", "B", "bb"), replace_text("content", "A", "aa"))
    result = run(script, "A und B")
    assert trail_of(result) == [
        ("content", "applied", "repaired"),
        ("localization", "applied", "repaired"),
        ("verification", "applied", "accepted"),
    ]
    assert result.final.response == "aa und bb"
    assert result.outcome is Outcome.IMPROVED
    assert {logged.status for logged in result.findings} == {FindingStatus.REPAIRED}
    assert [logged.decision for logged in result.findings] == [0, 1]


def test_a_repair_that_reveals_work_for_an_earlier_pass_sends_the_pair_back(run: Run) -> None:
    script = all_of(replace_text("translation", "B", "A"), replace_text("content", "A", "c"))
    result = run(script, "nur B hier")
    assert [pass_ for pass_, _, _ in trail_of(result)] == ["translation", "content", "verification"]
    assert result.final.response == "nur c hier"


def test_harm_is_taken_back_with_a_reason_and_the_record_counts_as_reverted(run: Run) -> None:
    result = run(replace_text("content", "42", "43"), "Es sind 42 Stück.")
    assert trail_of(result) == [
        ("content", "rejected", "number-changed"),
        ("verification", "applied", "accepted"),
    ]
    assert result.final == result.original
    assert result.outcome is Outcome.REVERTED
    assert [edit.after for edit in result.decisions[0].edits] == ["43"], "what was tried is kept for the auditor"
    assert [logged.status for logged in result.findings] == [FindingStatus.OPEN]


def test_one_harmful_repair_does_not_cost_the_others_of_its_pass(run: Run) -> None:
    script = all_of(
        replace_text("content", "42", "43", kind="harmful"), replace_text("content", "gutt", "gut", kind="good")
    )
    result = run(script, "Es sind 42 Stück, gutt.")
    assert trail_of(result)[:2] == [("content", "rejected", "number-changed"), ("content", "applied", "repaired")]
    assert result.final.response == "Es sind 42 Stück, gut."
    assert result.outcome is Outcome.IMPROVED


def test_repairs_that_never_settle_end_with_the_original(run: Run) -> None:
    result = run(replace_text("content", "o", "oo"), "so")
    assert trail_of(result)[-1] == ("verification", "rejected", "not-idempotent")
    assert len(result.decisions) == MAX_ATTEMPTS + 1
    assert result.final == result.original
    assert result.outcome is Outcome.REVERTED


def test_after_a_failed_verification_the_innocent_repairs_are_made_again(run: Run) -> None:
    def endless(pair: InstructionPair) -> list[Finding]:
        """Never settles, in the instruction; the response has an honest repair."""
        text = pair.instruction or ""
        edit = Edit(Field.INSTRUCTION, len(text), len(text), "", "!", "endless")
        end = len(text)
        return [Finding("endless", DefectFamily.CONTENT, Severity.MINOR, Field.INSTRUCTION, end, end, "e", (edit,))]

    result = run(all_of(endless, replace_text("translation", "gutt", "gut", kind="good")), "Das ist gutt.")
    passes = trail_of(result)
    failed = passes.index(("verification", "rejected", "not-idempotent"))
    assert passes[failed + 1 :] == [("translation", "applied", "repaired"), ("verification", "applied", "accepted")]
    assert result.final == InstructionPair(instruction="Frage", response="Das ist gut.")
    repaired = [logged for logged in result.findings if logged.status is FindingStatus.REPAIRED]
    assert [(logged.finding.kind, logged.decision) for logged in repaired] == [("good", failed + 1)]
    assert [logged.finding.kind for logged in result.findings if logged.status is FindingStatus.OPEN] == ["endless"]


def test_a_new_grave_finding_is_harm(run: Run) -> None:
    def grave(pair: InstructionPair) -> list[Finding]:
        start = (pair.response or "").find("bb")
        if start < 0:
            return []
        return [Finding("grave", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, start, start + 2, "worse")]

    result = run(all_of(replace_text("content", "a", "bb"), grave), "ein a")
    assert trail_of(result)[0] == ("content", "rejected", "new-finding")
    assert result.outcome is Outcome.REVERTED


def test_a_pass_that_is_switched_off_is_not_visited(run: Run) -> None:
    passes = frozenset({Pass.LOCALIZATION, Pass.VERIFICATION})
    result = run(all_of(replace_text("content", "A", "a"), replace_text("localization", "B", "b")), "A B", passes)
    assert [pass_ for pass_, _, _ in trail_of(result)] == ["localization", "verification"]
    assert result.final.response == "A b"
    assert FindingStatus.OPEN in {logged.status for logged in result.findings}


def test_a_finding_that_vanishes_with_another_repair_is_dismissed(run: Run) -> None:
    def flagged(pair: InstructionPair) -> list[Finding]:
        if "XY" not in (pair.response or ""):
            return []
        return [Finding("flag", DefectFamily.CONTENT, Severity.MINOR, Field.RESPONSE, 0, 2, "odd")]

    result = run(all_of(flagged, replace_text("translation", "XY", "ab")), "XY z")
    assert {(logged.finding.kind, logged.status.value) for logged in result.findings} == {
        ("flag", "dismissed"),
        ("made-up", "repaired"),
    }


def test_edits_of_standing_decisions_lead_from_original_to_final(run: Run) -> None:
    script = all_of(
        replace_text("content", "A", "aaa"),
        replace_text("translation", "B", ""),
        replace_text("localization", "C", "c"),
    )
    result = run(script, "A B C A C")
    pair = result.original
    for decision in result.decisions:
        assert decision.before_hash == pair.content_hash()
        if decision.action is Action.APPLIED:
            pair = apply(pair, decision.edits)
        assert decision.after_hash == pair.content_hash()
    assert pair == result.final


def test_reasons_are_never_free_text(run: Run) -> None:
    result = run(replace_text("content", "1", "2"), "1")
    assert all(isinstance(decision.reason, Reason) for decision in result.decisions)


def test_the_drawing_names_every_node_and_every_way() -> None:
    drawn = draw()
    for node in ("diagnose", "content", "translation", "localization", "verify", "revert"):
        assert f"\t{node}({node})" in drawn
    ways = set(re.findall(r"(\w+) (?:-->|-\.(?: &nbsp;record&nbsp; \.|\.?)->) (\w+);", drawn))
    passes = ("content", "translation", "localization")
    assert ways == {
        ("__start__", "diagnose"), ("diagnose", "__end__"), ("verify", "revert"), ("verify", "__end__"),
        ("revert", "__end__"), *(("__start__", back) for back in ("verify", *passes)),
        *((node, pass_) for node in ("diagnose", "verify", *passes) for pass_ in passes),
        *((pass_, "verify") for pass_ in passes),
    }  # fmt: skip


# -- several pairs at once ---------------------------------------------------------------------------------------------


def test_pairs_of_a_batch_come_back_in_order_each_with_its_own(identifier: LanguageIdentifier) -> None:
    responses = ["Es ist A.", "Alles gut.", "42 A", "A", "Nichts."]
    scripts = [replace_text("content", "A", "a"), find_nothing, replace_text("content", "42", "43")]
    jobs = [
        PairJob(InstructionPair(instruction="Frage", response=response), context_of(scripts[n % 3], identifier))
        for n, response in enumerate(responses)
    ]
    graph = build_graph()
    together = asyncio.run(Waves(graph).run(jobs))
    assert together == [asyncio.run(Waves(graph).run_pair(job.pair, job.context)) for job in jobs]
    assert [result.final.response for result in together if isinstance(result, PairResult)] == [
        "Es ist a.", "Alles gut.", "42 A", "a", "Nichts.",
    ]  # fmt: skip
    assert asyncio.run(Waves(graph).run([])) == []


@pytest.mark.parametrize("rounds", [1, 2])  # in the diagnosis, and after a repair
def test_an_error_is_that_of_its_own_pair(rounds: int, identifier: LanguageIdentifier) -> None:
    typo = replace_text("content", "gutt", "gut")

    def fail(pair: InstructionPair) -> list[Finding]:
        if rounds == 1 or pair.response != "Das ist gutt.":
            raise ValueError("boom")
        return typo(pair)

    pair = InstructionPair(instruction="Frage", response="Das ist gutt.")
    before, failed, behind = asyncio.run(
        Waves(build_graph()).run([PairJob(pair, context_of(script, identifier)) for script in (typo, fail, typo)])
    )
    assert repr(failed) == "ValueError('boom')"
    assert before == behind
    assert isinstance(before, PairResult)
    assert before.final.response == "Das ist gut."


@pytest.mark.parametrize("error", [EngineDown("nobody there"), AuditError("the disk is full")])
def test_what_no_pair_can_be_examined_for_ends_the_batch(error: Exception, identifier: LanguageIdentifier) -> None:
    def fail(pair: InstructionPair) -> list[Finding]:
        raise error

    jobs = [PairJob(InstructionPair(response="x"), context_of(script, identifier)) for script in (find_nothing, fail)]
    with pytest.raises(type(error)) as caught:
        asyncio.run(Waves(build_graph()).run(jobs))
    assert caught.value is error


def test_pairs_that_visit_the_same_node_are_one_task_of_it(identifier: LanguageIdentifier) -> None:
    """LangGraph's own work does not grow with the pairs; a clean pair costs no step."""
    context = context_of(replace_text("content", "A", "a"), identifier)
    jobs = [PairJob(InstructionPair(response=response), context) for response in ("gut", "A", "auch gut", "B A")]

    async def collect() -> list[str]:
        visits = [Visit(n, job, "diagnose", PairState(original=job.pair)) for n, job in enumerate(jobs)]
        wave: WaveState = {"visits": visits}
        return [step["name"] async for step in build_graph().astream(wave, stream_mode="tasks") if "input" in step]

    assert asyncio.run(collect()) == ["diagnose", "content", "verify"]


def test_a_pair_that_goes_round_and_round_ends_alone(
    identifier: LanguageIdentifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph_module, "MOST_NODES", 2)
    endless = context_of(replace_text("content", "o", "oo"), identifier)
    typo = context_of(replace_text("content", "gutt", "gut"), identifier)
    jobs = [
        PairJob(InstructionPair(response=response), context) for response, context in (("so", endless), ("gutt", typo))
    ]
    failed, repaired = asyncio.run(Waves(build_graph()).run(jobs))
    assert repr(failed) == "EndlessPairError('it was not done after 2 nodes')"
    assert isinstance(repaired, PairResult)
    assert repaired.final.response == "gut"
