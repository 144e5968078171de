"""The same grave fault in every record is a question, and not so many findings."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Any

import pytest

import midb
from midb.agent.run import misreading
from midb.agent.run.misreading import MOST_SLOW, refuse_misread
from midb.agent.state import PairContext
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import open_corpus
from midb.detectors import KindSelection
from midb.domain.defects import Finding
from midb.domain.errors import CorpusError
from midb.domain.pairs import InstructionPair

GERMAN = "Man mischt das Mehl mit Wasser und Salz, und dann kommt der Teig für eine Stunde in den Ofen."
ENGLISH = "To bake bread, you mix the flour with water and salt, and then you put it into the oven for an hour."


def rows(responses: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"instruction": "Wie backt man ein einfaches Brot?", "output": response, "lang": "de"} for response in responses
    ]


def ask(records: list[dict[str, Any]], *kinds: str, mapping: str = "") -> None:
    opened = open_corpus(RecordsInMemory(records), mapping=parse_mapping(mapping) if mapping else None)
    refuse_misread(opened, KindSelection.parse(kinds))


def test_what_each_record_has_is_a_question() -> None:
    with pytest.raises(CorpusError, match="has a critical finding, untranslated-text") as caught:
        ask(rows([ENGLISH] * 12))
    assert "--map instruction=instruction,response=output" in caught.value.hint
    assert "--kinds=-untranslated-text" in caught.value.hint
    with pytest.raises(CorpusError, match="untranslated-text"):
        midb.check(rows([ENGLISH] * 12))


def test_what_was_answered_is_not_asked() -> None:
    records = rows([ENGLISH] * 12)
    ask(records, mapping="instruction=instruction,response=output")
    ask(records, "-untranslated-text")
    assert midb.check(records, mapping={"instruction": "instruction", "response": "output"}).findings


@pytest.mark.parametrize("responses", [[ENGLISH] * 9, [*[ENGLISH] * 20, GERMAN], [GERMAN] * 30])
def test_few_records_and_most_records_are_no_question(responses: list[str]) -> None:
    ask(rows(responses))


def test_the_turns_of_a_talk_say_who_speaks() -> None:
    turns = [
        [{"role": "user", "content": row["instruction"]}, {"role": "assistant", "content": row["output"]}]
        for row in rows([ENGLISH] * 12)
    ]
    ask([{"messages": talk, "lang": "de"} for talk in turns])


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
@pytest.mark.parametrize(("slow", "tried"), [(1, 12), (12, MOST_SLOW)])
def test_records_that_take_too_long_do_not_hold_up_a_run(
    slow: int, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them is left out; where several are there, nobody can say how the corpus is read in a short time."""
    ask(rows([GERMAN] * 12))  # tables and models are loaded
    monkeypatch.setattr(misreading, "TRIAL_SECONDS", 0.1)
    look, seen = PairContext.inspect, []

    def inspect(self: PairContext, pair: InstructionPair) -> list[Finding]:
        seen.append(pair)
        while len(seen) <= slow:
            pass
        return look(self, pair)

    monkeypatch.setattr(PairContext, "inspect", inspect)
    if slow < MOST_SLOW:
        with pytest.raises(CorpusError, match="each of 11 records"):
            ask(rows([ENGLISH] * 12))
    else:
        ask(rows([ENGLISH] * 12))
    assert len(seen) == tried
