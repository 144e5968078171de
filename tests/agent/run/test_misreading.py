"""The same grave fault in every record is a question, and not so many findings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import midb
from midb.agent.run.misreading import refuse_misread
from midb.corpus.formats.memory import RecordsInMemory
from midb.corpus.layouts import parse_mapping
from midb.corpus.opened import open_corpus
from midb.detectors import KindSelection
from midb.domain.errors import CorpusError

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
