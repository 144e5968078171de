"""The state machine: the whole trail of nodes a pair takes, with findings that are made up for the purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from midb.agent.graph import build_graph, draw, run_pair
from midb.agent.state import MAX_ATTEMPTS, PairContext
from midb.detectors import KindSelection
from midb.domain.decisions import Action, Outcome, PairResult, Pass, Reason
from midb.domain.defects import DefectFamily, Finding, FindingStatus, Severity
from midb.domain.edits import Edit, apply
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.text.languages import LanguageIdentifier

Script = Callable[[InstructionPair], list[Finding]]
FAMILIES = {family.value: family for family in DefectFamily}


@dataclass(frozen=True)
class ScriptedContext(PairContext):
    """Finds what the test says, in whatever text the pair has by then."""

    script: Script = list

    def inspect(self, pair: InstructionPair) -> list[Finding]:
        return self.script(pair)


def replacing(family: str, before: str, after: str, kind: str = "made-up", severity: str = "minor") -> Script:
    """A detector that wants every ``before`` of the response to be ``after``."""

    def script(pair: InstructionPair) -> list[Finding]:
        text = pair.response or ""
        start = text.find(before)
        if start < 0:
            return []
        edit = Edit(Field.RESPONSE, start, start + len(before), before, after, kind)
        return [
            Finding(kind, FAMILIES[family], Severity(severity), Field.RESPONSE, start, edit.end, f"{before}!", (edit,))
        ]

    return script


def both(*scripts: Script) -> Script:
    return lambda pair: [finding for script in scripts for finding in script(pair)]


@pytest.fixture(scope="module")
def run() -> Callable[..., PairResult]:
    graph, identifier = build_graph(), LanguageIdentifier()

    def run(script: Script, response: str, passes: frozenset[Pass] = frozenset(Pass)) -> PairResult:
        context = ScriptedContext(load("de"), None, KindSelection(frozenset()), passes, identifier, script=script)
        return asyncio.run(run_pair(graph, InstructionPair(instruction="Frage", response=response), context))

    return run


def trail(result: PairResult) -> list[tuple[str, str, str]]:
    return [(d.pass_.value, d.action.value, d.reason.value) for d in result.decisions]


def test_clean_pair_visits_no_pass(run: Callable[..., PairResult]) -> None:
    result = run(lambda pair: [], "Alles gut.")
    assert trail(result) == [("route", "skipped", "nothing-found")]
    assert result.outcome is Outcome.UNCHANGED


def test_finding_without_repair_stays_open(run: Callable[..., PairResult]) -> None:
    finding = Finding("x", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, 0, 5, "seen")
    result = run(lambda pair: [finding], "Alles gut.")
    assert trail(result) == [("route", "skipped", "nothing-repairable")]
    assert [(logged.status, logged.decision) for logged in result.findings] == [(FindingStatus.OPEN, None)]


def test_passes_are_visited_in_order_and_only_where_needed(run: Callable[..., PairResult]) -> None:
    script = both(replacing("localization", "B", "bb"), replacing("content", "A", "aa"))
    result = run(script, "A und B")
    assert trail(result) == [
        ("content", "applied", "repaired"),
        ("localization", "applied", "repaired"),
        ("verification", "applied", "accepted"),
    ]
    assert result.final.response == "aa und bb"
    assert result.outcome is Outcome.IMPROVED
    assert {logged.status for logged in result.findings} == {FindingStatus.REPAIRED}
    assert [logged.decision for logged in result.findings] == [0, 1]


def test_a_repair_that_reveals_work_for_an_earlier_pass_sends_the_pair_back(run: Callable[..., PairResult]) -> None:
    script = both(replacing("translation", "B", "A"), replacing("content", "A", "c"))
    result = run(script, "nur B hier")
    assert [pass_ for pass_, _, _ in trail(result)] == ["translation", "content", "verification"]
    assert result.final.response == "nur c hier"


def test_harm_is_taken_back_with_a_reason_and_the_record_counts_as_reverted(run: Callable[..., PairResult]) -> None:
    result = run(replacing("content", "42", "43"), "Es sind 42 Stück.")
    assert trail(result) == [
        ("content", "rejected", "number-changed"),
        ("verification", "applied", "accepted"),
    ]
    assert result.final == result.original
    assert result.outcome is Outcome.REVERTED
    assert [edit.after for edit in result.decisions[0].edits] == ["43"], "what was tried is kept for the auditor"
    assert [logged.status for logged in result.findings] == [FindingStatus.OPEN]


def test_one_harmful_repair_does_not_cost_the_others_of_its_pass(run: Callable[..., PairResult]) -> None:
    script = both(replacing("content", "42", "43", kind="harmful"), replacing("content", "gutt", "gut", kind="good"))
    result = run(script, "Es sind 42 Stück, gutt.")
    assert trail(result)[:2] == [("content", "rejected", "number-changed"), ("content", "applied", "repaired")]
    assert result.final.response == "Es sind 42 Stück, gut."
    assert result.outcome is Outcome.IMPROVED


def test_repairs_that_never_settle_end_with_the_original(run: Callable[..., PairResult]) -> None:
    result = run(replacing("content", "o", "oo"), "so")
    assert trail(result)[-1] == ("verification", "rejected", "not-idempotent")
    assert len(result.decisions) == MAX_ATTEMPTS + 1
    assert result.final == result.original
    assert result.outcome is Outcome.REVERTED


def test_after_a_failed_verification_the_innocent_repairs_are_made_again(run: Callable[..., PairResult]) -> None:
    def endless(pair: InstructionPair) -> list[Finding]:
        """Never settles, in the instruction; the response has an honest repair."""
        text = pair.instruction or ""
        edit = Edit(Field.INSTRUCTION, len(text), len(text), "", "!", "endless")
        end = len(text)
        return [Finding("endless", DefectFamily.CONTENT, Severity.MINOR, Field.INSTRUCTION, end, end, "e", (edit,))]

    result = run(both(endless, replacing("translation", "gutt", "gut", kind="good")), "Das ist gutt.")
    passes = trail(result)
    failed = passes.index(("verification", "rejected", "not-idempotent"))
    assert passes[failed + 1 :] == [("translation", "applied", "repaired"), ("verification", "applied", "accepted")]
    assert result.final == InstructionPair(instruction="Frage", response="Das ist gut.")
    repaired = [logged for logged in result.findings if logged.status is FindingStatus.REPAIRED]
    assert [(logged.finding.kind, logged.decision) for logged in repaired] == [("good", failed + 1)]
    assert [logged.finding.kind for logged in result.findings if logged.status is FindingStatus.OPEN] == ["endless"]


def test_a_new_grave_finding_is_harm(run: Callable[..., PairResult]) -> None:
    def grave(pair: InstructionPair) -> list[Finding]:
        start = (pair.response or "").find("bb")
        if start < 0:
            return []
        return [Finding("grave", DefectFamily.CONTENT, Severity.MAJOR, Field.RESPONSE, start, start + 2, "worse")]

    result = run(both(replacing("content", "a", "bb"), grave), "ein a")
    assert trail(result)[0] == ("content", "rejected", "new-finding")
    assert result.outcome is Outcome.REVERTED


def test_a_pass_that_is_switched_off_is_not_visited(run: Callable[..., PairResult]) -> None:
    passes = frozenset({Pass.LOCALIZATION, Pass.VERIFICATION})
    result = run(both(replacing("content", "A", "a"), replacing("localization", "B", "b")), "A B", passes)
    assert [pass_ for pass_, _, _ in trail(result)] == ["localization", "verification"]
    assert result.final.response == "A b"
    assert FindingStatus.OPEN in {logged.status for logged in result.findings}


def test_a_finding_that_vanishes_with_another_repair_is_dismissed(run: Callable[..., PairResult]) -> None:
    def flagged(pair: InstructionPair) -> list[Finding]:
        if "XY" not in (pair.response or ""):
            return []
        return [Finding("flag", DefectFamily.CONTENT, Severity.MINOR, Field.RESPONSE, 0, 2, "odd")]

    result = run(both(flagged, replacing("translation", "XY", "ab")), "XY z")
    assert {(logged.finding.kind, logged.status.value) for logged in result.findings} == {
        ("flag", "dismissed"),
        ("made-up", "repaired"),
    }


def test_edits_of_standing_decisions_lead_from_original_to_final(run: Callable[..., PairResult]) -> None:
    script = both(
        replacing("content", "A", "aaa"), replacing("translation", "B", ""), replacing("localization", "C", "c")
    )
    result = run(script, "A B C A C")
    pair = result.original
    for decision in result.decisions:
        assert decision.before_hash == pair.content_hash()
        if decision.action is Action.APPLIED:
            pair = apply(pair, decision.edits)
        assert decision.after_hash == pair.content_hash()
    assert pair == result.final


def test_reasons_are_never_free_text(run: Callable[..., PairResult]) -> None:
    result = run(replacing("content", "1", "2"), "1")
    assert all(isinstance(decision.reason, Reason) for decision in result.decisions)


def test_the_drawing_names_every_station() -> None:
    drawn = draw()
    for pass_ in ("diagnose", "route", "content", "translation", "localization", "verify", "record", "revert"):
        assert f"\t{pass_}({pass_})" in drawn
    assert "verify -.-> revert" in drawn
    assert "route -.-> record" in drawn
