"""One record from bytes to result; whatever goes wrong with it, the record is not lost."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import signal
from collections.abc import Sequence
from typing import Any

import pytest
from scripted import ScriptedEngine, left_alone, pass_of
from small_runs import BROKEN, MENDED, NothingKept

from midb import detectors
from midb.agent.engines.protocol import EngineDown
from midb.agent.failures import contain
from midb.agent.model.calls import Model
from midb.agent.model.settings import ModelSettings, Route
from midb.agent.run import examine
from midb.agent.run.examine import (
    Examiner,
    ExaminerSettings,
    explain_left_alone,
    explain_unexamined,
    internal_error,
    leave_slow,
    too_slow,
)
from midb.agent.state import PairContext, PairJob
from midb.corpus.language_plan import LanguagePlan
from midb.corpus.raw import RawRecord
from midb.corpus.reading import ReadingRules
from midb.detectors import KindSelection
from midb.domain.decisions import Outcome, PairResult, Pass, Reason
from midb.domain.defects import Finding, FindingStatus
from midb.domain.errors import AuditError
from midb.domain.pairs import InstructionPair
from midb.domain.results import RecordResult, RejectedLine
from midb.prompts import load_prompts

GERMAN = ReadingRules(languages=LanguagePlan(fixed="de"))


def settings(*, rewrite: bool = True, passes: frozenset[Pass] = frozenset(Pass)) -> ExaminerSettings:
    return ExaminerSettings(rules=GERMAN, selection=KindSelection.parse(), passes=passes, rewrite=rewrite)


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner(settings())


def raw(**record: object) -> RawRecord:
    return RawRecord.alone(json.dumps(record, ensure_ascii=False).encode(), 5)


def one(examiner: Examiner, record: RawRecord, source: bytes | None = None) -> RecordResult:
    (result,) = examiner.examine_batch([(record, source)])
    assert isinstance(result, RecordResult)
    return result


def test_edits_are_spliced_into_the_bytes(examiner: Examiner) -> None:
    record = RawRecord.alone(b'{"x" : 1.50, "instruction":"Gr\\u00fc\\u00dfe!",  "output":"Sch\\u00c3\\u00b6n, ja."}')
    result = one(examiner, record)
    assert result.body == record.body.replace(b"\\u00c3\\u00b6", b"\\u00f6")
    assert (result.outcome, result.key, result.language) == (Outcome.IMPROVED, "#0", "de")
    assert result.pairs[0].final.response == "Schön, ja."


def test_nobody_writes_out_what_was_found(examiner: Examiner, monkeypatch: pytest.MonkeyPatch) -> None:
    """asyncio looks who handles Ctrl-C, and in doing so describes the task and all it returns."""
    monkeypatch.setattr(RecordResult, "__repr__", lambda _: pytest.fail("written out for nobody"))
    assert one(examiner, raw(instruction="Grüße!", output=BROKEN)).outcome is Outcome.IMPROVED


def test_what_does_not_change_has_no_new_bytes(examiner: Examiner) -> None:
    result = one(examiner, raw(id="a", instruction="Grüße!", output=MENDED))
    assert (result.body, result.outcome, result.position, result.line) == (None, Outcome.UNCHANGED, 5, 6)


def test_each_turn_of_a_conversation_is_a_pair(examiner: Examiner) -> None:
    turns = [
        {"role": "user", "content": "Grüße!"}, {"role": "assistant", "content": MENDED},
        {"role": "user", "content": "Noch einmal!"}, {"role": "assistant", "content": BROKEN},
    ]  # fmt: skip
    result = one(examiner, raw(messages=turns))
    assert [pair.outcome for pair in result.pairs] == [Outcome.UNCHANGED, Outcome.IMPROVED]
    assert result.outcome is Outcome.IMPROVED
    turns[3]["content"] = MENDED
    assert json.loads(result.body or b"") == {"messages": turns}


def test_the_english_source_is_seen(examiner: Examiner) -> None:
    record = raw(instruction="Wie weit?", output="Es sind 2.5 Meter.")
    source = b'{"instruction": "How far?", "output": "It is 2.5 metres."}'
    assert one(examiner, record).outcome is Outcome.UNCHANGED
    assert json.loads(one(examiner, record, source).body or b"")["output"] == "Es sind 2,5 Meter."


def test_what_cannot_be_read_is_a_rejected_line(examiner: Examiner) -> None:
    good, bad = raw(instruction="Grüße!"), RawRecord.alone(b"{oops", 9)
    first, second = examiner.examine_batch([(good, None), (bad, None)])
    assert isinstance(first, RecordResult)
    assert isinstance(second, RejectedLine)
    assert (second.position, second.reason, second.sha256) == (9, "invalid-json", bad.sha256())


def test_a_record_without_a_pair_stays_as_it_is_and_says_why(examiner: Examiner) -> None:
    record = raw(role="assistant", text="SchÃ¶n.")
    result = one(examiner, record)
    assert (result.outcome, result.body, result.language) == (Outcome.UNCHANGED, None, "de")
    assert explain_unexamined(result) == "no column holds an instruction (columns: role, text)"
    assert leave_slow(settings(), record, None) == result
    assert explain_unexamined(one(examiner, raw(instruction="Grüße!"))) == ""


def test_finding_alone_changes_nothing_and_needs_no_state_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def must_not() -> Any:
        raise AssertionError("LangGraph takes a second to import")

    monkeypatch.setattr(examine, "batch_runner", must_not)
    result = one(Examiner(settings(rewrite=False)), raw(instruction="Grüße!", output=BROKEN))
    assert (result.body, result.outcome) == (None, Outcome.UNCHANGED)
    (logged,) = result.pairs[0].findings
    assert (logged.finding.kind, logged.status, bool(logged.finding.fix)) == ("mojibake", FindingStatus.OPEN, True)


DUTCH = "De hoofdstad van Nederland is Amsterdam, maar de regering zetelt al lang in „Den Haag” &amp; 1.500,5 km."


def test_a_record_in_a_language_that_is_none_of_ours_is_left_alone_and_named(examiner: Examiner) -> None:
    result = one(
        examiner, raw(id="x", instruction="Wat is de hoofdstad van het land en waar zetelt de regering?", output=DUTCH)
    )
    assert (result.language, result.outcome, result.body) == ("nl", Outcome.UNCHANGED, None)
    assert [(d.reason, d.detail) for d in result.pairs[0].decisions] == [
        (Reason.OTHER_LANGUAGE, "Dutch is not examined")
    ]
    trusting = LanguagePlan(fixed="de", trusted=True)
    treated = Examiner(dataclasses.replace(settings(), rules=ReadingRules(languages=trusting)))
    assert one(treated, raw(instruction="Wat is dat?", output=DUTCH)).language == "de"


def test_a_text_in_another_language_is_not_repaired_by_the_rules_of_the_record_s(examiner: Examiner) -> None:
    """A task in German whose answer is rightly in French keeps the answer's conventions."""
    french = 'La phrase est "le chien dort dans la maison" et il y a 2.5 kilomètres entre les deux villes, environ.'
    task = "Übersetze den Satz über den Hund und die Entfernung zwischen den Städten bitte ins Französische."
    assert one(examiner, raw(instruction=task, output=french)).body is None
    arabic = 'عاصمة مصر هي "القاهرة" وهي مدينة كبيرة تقع على ضفاف نهر النيل ولها تاريخ طويل 2.5 كيلومتر.'
    assert one(examiner, raw(instruction=task, output=arabic)).body is None


def test_passes_and_kinds_are_those_of_the_settings() -> None:
    record = raw(instruction="Grüße!", output=BROKEN)
    assert one(Examiner(settings(passes=frozenset({Pass.CONTENT}))), record).outcome is Outcome.UNCHANGED
    none = ExaminerSettings(rules=GERMAN, selection=KindSelection(frozenset()))
    assert one(Examiner(none), record).pairs[0].findings == ()


def failing(error: BaseException) -> Any:
    """A state machine in which an error ends the way of every pair, or, where it is everybody's, that of the batch."""

    async def run(jobs: Sequence[PairJob]) -> list[PairResult | Exception]:
        async def fail() -> PairResult:
            raise error

        return [await contain(fail()) for _ in jobs]

    return lambda: run


def test_a_fault_of_ours_costs_no_record_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "batch_runner", failing(KeyError("boom")))
    result = one(Examiner(settings()), raw(id="a", instruction="Grüße!", output=BROKEN))
    assert (result.body, result.outcome, result.key) == (None, Outcome.UNCHANGED, "a")
    (decision,) = result.pairs[0].decisions
    assert (decision.reason, decision.detail) == (Reason.INTERNAL_ERROR, "KeyError: 'boom'")


@pytest.mark.parametrize("error", [EngineDown("nobody there"), AuditError("the disk is full"), KeyboardInterrupt()])
def test_what_no_record_can_be_examined_for_ends_the_run(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examine, "batch_runner", failing(error))
    with pytest.raises(type(error)) as caught:
        Examiner(settings()).examine_batch([(raw(instruction="Grüße!"), None)])
    assert caught.value is error


def test_bytes_that_would_not_say_what_was_decided_are_not_written(
    examiner: Examiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it comes about: the text is read again before anybody relies on it."""
    monkeypatch.setattr("midb.corpus.reading.splice", lambda body, stages, ascii_only: body)
    result = one(examiner, raw(instruction="Grüße!", output=BROKEN))
    assert (result.body, result.outcome) == (None, Outcome.UNCHANGED)
    (decision,) = result.pairs[0].decisions
    assert decision.reason is Reason.INTERNAL_ERROR
    assert "does not read as decided" in decision.detail


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
@pytest.mark.parametrize("rewrite", [True, False])
def test_a_record_that_takes_too_long_stays_as_it_is_and_is_named(
    rewrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = PairContext.inspect

    def endless(self: PairContext, pair: InstructionPair) -> list[Finding]:
        if pair.instruction == "Noch einmal!":
            re.match(r"(?:a+)+b", "a" * 64)
        return look(self, pair)

    monkeypatch.setattr(PairContext, "inspect", endless)
    turns = [
        {"role": "user", "content": "Grüße!"}, {"role": "assistant", "content": BROKEN},
        {"role": "user", "content": "Noch einmal!"}, {"role": "assistant", "content": MENDED},
    ]  # fmt: skip
    quick = dataclasses.replace(settings(rewrite=rewrite), record_seconds=0.5)
    slow, other = Examiner(quick).examine_batch(
        [(raw(id="a", messages=turns), None), (raw(id="b", instruction="Grüße!", output=BROKEN), None)]
    )
    assert isinstance(slow, RecordResult)
    assert isinstance(other, RecordResult)
    assert (slow.key, slow.language, slow.outcome, slow.body) == ("a", "de", Outcome.UNCHANGED, None)
    assert [[decision.reason for decision in pair.decisions] for pair in slow.pairs] == [[Reason.TOO_SLOW]] * 2
    assert explain_left_alone(slow) == (
        "line 6: examining it took more than 0.5 s of processor time; the record stays as it is"
    )
    assert explain_left_alone(other) is None
    assert other.pairs[0].findings


@pytest.mark.parametrize("rewrite", [True, False])
def test_a_record_with_no_end_of_findings_stays_as_it_is_and_is_named(
    rewrite: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(detectors, "MOST_FINDINGS", 2)
    result = one(Examiner(settings(rewrite=rewrite)), raw(instruction="Nenne drei.", output="Nenne a , b , c , "))
    assert (result.body, result.outcome, result.pairs[0].findings) == (None, Outcome.UNCHANGED, ())
    assert explain_left_alone(result) == "line 6: it has more than 2 findings; the record stays as it is"


def test_of_a_record_whose_process_was_ended_the_pairs_are_known() -> None:
    told = leave_slow(settings(), raw(id="a", instruction="Grüße!", output=BROKEN), None)
    assert told is not None
    assert (told.key, told.language, told.body) == ("a", "de", None)
    assert told.pairs == (too_slow(InstructionPair(instruction="Grüße!", response=BROKEN), 60),)
    assert leave_slow(settings(), RawRecord.alone(b"no record"), None) is None


def test_an_internal_error_is_told_in_few_words() -> None:
    pair = InstructionPair(instruction="x")
    told = internal_error(pair, ValueError("y" * 1000))
    assert (told.original, told.final, told.findings) == (pair, pair, ())
    (decision,) = told.decisions
    assert decision.before_hash == decision.after_hash == pair.content_hash()
    assert decision.detail.startswith("ValueError: yyy")
    assert len(decision.detail) == 300


def test_a_model_is_asked_where_there_is_one() -> None:
    engine = ScriptedEngine(left_alone)
    asyncio.run(engine.start())
    model = Model(engine, NothingKept(), ModelSettings(prompts=load_prompts(), route=Route.ALL))
    result = one(Examiner(settings(), model), raw(instruction="Grüße!", output=MENDED))
    assert [pass_of(request) for request in engine.requests] == ["content", "translation", "localization"]
    assert result.outcome is Outcome.UNCHANGED
