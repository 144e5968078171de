"""One pair at a time, and what can be found in one."""

from __future__ import annotations

import doctest
import signal

import pytest
from small_runs import BROKEN, MENDED

import midb
from midb.agent.record_clock import RecordClock
from midb.agent.run import examine
from midb.agent.state import PairContext
from midb.detectors import kinds as known_kinds
from midb.domain.defects import Finding
from midb.domain.errors import UsageError
from midb.domain.pairs import InstructionPair
from midb.library import pairs
from midb.library.pairs import fix_pair, kinds
from midb.locales import LANGUAGES

SOURCE = {"instruction": "What is the mean?", "response": "The mean is 3.5 meters."}


def test_the_examples_hold() -> None:
    failed, tried = doctest.testmod(pairs)
    assert tried
    assert not failed


def test_a_pair_is_repaired_and_what_was_done_is_told() -> None:
    pair = fix_pair(instruction="Grüße!", input="", response=BROKEN, language="de")
    assert (pair.instruction, pair.input, pair.response) == ("Grüße!", "", MENDED)
    assert (pair.language, pair.outcome) == ("de", "improved")
    assert [(edit.kind, edit.before, edit.after) for edit in pair.edits] == [("mojibake", "SchÃ¶n,", "Schön,")]
    assert [(finding.kind, finding.status) for finding in pair.findings] == [("mojibake", "repaired")]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
def test_a_pair_that_takes_too_long_comes_back_with_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: PairContext, pair: InstructionPair) -> list[Finding]:
        while True:
            pass

    monkeypatch.setattr(examine, "RecordClock", lambda *_, **__: RecordClock(0.1))
    monkeypatch.setattr(PairContext, "inspect", endless)
    with pytest.warns(RuntimeWarning, match="examining it took more than 0.1 s of processor time"):
        pair = fix_pair(instruction="Grüße!", response=BROKEN, language="de")
    assert (pair.response, pair.outcome) == (BROKEN, "unchanged")
    with pytest.warns(RuntimeWarning, match="line 1"):
        midb.check([{"instruction": "Grüße!", "output": ""}], language="de")


def test_its_english_original_makes_more_provable() -> None:
    german = "Der Mittelwert ist 3.5 Meter."
    pair = fix_pair(instruction="Was ist der Mittelwert?", response=german, language="de", source=SOURCE)
    assert pair.response == "Der Mittelwert ist 3,5 Meter."
    assert [edit.kind for edit in pair.edits] == ["decimal-separator"]
    assert fix_pair(instruction="Was ist der Mittelwert?", response=german, language="de").edits == ()


def test_a_prompt_without_a_response_is_no_empty_response() -> None:
    prompt = fix_pair(instruction="Nenne ein Tier.", language="de")
    assert (prompt.response, prompt.findings, prompt.outcome) == (None, (), "unchanged")
    assert [f.kind for f in fix_pair(instruction="Nenne ein Tier.", response="").findings] == ["empty-response"]


def test_kinds_are_chosen_as_on_the_command_line() -> None:
    assert fix_pair(instruction="Grüße!", response=BROKEN, language="de", kinds=["-mojibake"]).edits == ()
    quoted = 'Er sagte "ja" und ging dann nach Hause.'
    assert fix_pair(instruction="Schreib es.", response=quoted, language="de").edits == ()
    assert fix_pair(instruction="Schreib es.", response=quoted, language="de", typography=True).edits


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(UsageError, match=r"cannot be read: .*surrogate"):
        fix_pair(instruction="half \ud800", language="de")
    with pytest.raises(UsageError, match="unknown language"):
        fix_pair(instruction="x", language="xx")


def test_every_kind_is_listed_with_where_it_is_examined() -> None:
    listed = {kind.name: kind for kind in kinds()}
    assert list(listed) == list(known_kinds())
    assert listed["mojibake"].repairs
    assert listed["quotation-marks"].convention
    assert any(kind.needs_source for kind in listed.values())
    assert all(set(kind.languages) <= set(LANGUAGES) and kind.summary for kind in listed.values())
    abstains = {kind.name for kind in listed.values() if len(kind.languages) < len(LANGUAGES)}
    assert abstains, "some kinds are unknown in some languages"


def test_they_are_the_library_s() -> None:
    assert midb.fix_pair is fix_pair
    assert midb.kinds is kinds
