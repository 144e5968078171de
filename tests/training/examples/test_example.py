"""Examples: asked and read by the code of a run, with texts that stay left out of the reply."""

from __future__ import annotations

import pytest

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.replies import parse_rewrite
from midb.agent.model.sections import SAME
from midb.agent.model.tasks import rewriting_task
from midb.domain.decisions import Pass
from midb.domain.pairs import Field, InstructionPair
from midb.locales import load
from midb.prompts import load_prompts
from midb.training.data.revision import Origin, Revision
from midb.training.examples.example import ExampleKind, UnsuitableError, make_example

PROMPTS = load_prompts()
RAW = InstructionPair(instruction="Nenne zwei Farben.", input="", response="Rot, Gelp.\n")


def revision(revised: InstructionPair, raw: InstructionPair = RAW) -> Revision:
    return Revision(
        name="a", row="b", language="de", origin=Origin.LINES, raw=raw, revised=revised, pass_=Pass.TRANSLATION
    )


def test_a_reply_says_what_changed_and_nothing_else() -> None:
    target = RAW.replaced({Field.RESPONSE: "Rot, Gelb."})
    made = make_example(revision(target), ExampleKind.REVISION, PROMPTS)
    task = rewriting_task(PROMPTS, Pass.TRANSLATION, RAW, locale=load("de"))
    assert made.messages == task.request.messages
    assert made.completion == (
        f"<|instruction:{task.nonce}|>\n{SAME}\n<|response:{task.nonce}|>\nRot, Gelb.\n<|end:{task.nonce}|>"
    )
    read = parse_rewrite(made.completion, FinishReason.STOP, RAW, task.sections, task.nonce)
    assert read == made.target
    assert read.response == "Rot, Gelb.\n"  # blanks at the ends are no business of a model


def test_a_pair_that_stays_is_one_mark() -> None:
    made = make_example(revision(RAW), ExampleKind.UNCHANGED, PROMPTS)
    assert made.completion == f"{SAME}\n<|end:{made.nonce}|>"
    assert made.target == RAW


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({Field.INPUT: "Grün, Blau"}, "not shown"),
        ({Field.RESPONSE: "Rot <|input:0123abcd|> Gelb"}, "no reply can say it"),
    ],
)
def test_what_no_reply_can_say_is_no_example(changes: dict[Field, str], words: str) -> None:
    with pytest.raises(UnsuitableError, match=words):
        make_example(revision(RAW.replaced(changes)), ExampleKind.REVISION, PROMPTS)
