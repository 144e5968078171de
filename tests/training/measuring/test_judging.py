"""One reply held against its example: what a run would say of it."""

from __future__ import annotations

import pytest
from learned import BROKEN, CLEAN, LONGER, leave, make, reply, say

from midb.agent.engines.protocol import FinishReason
from midb.training.examples.example import ExampleKind
from midb.training.measuring.judging import ReplyJudge

REVISION, UNCHANGED, DEFECT = ExampleKind.REVISION, ExampleKind.UNCHANGED, ExampleKind.DEFECT


@pytest.fixture(scope="module")
def judge() -> ReplyJudge:
    return ReplyJudge()


def test_the_right_reply(judge: ReplyJudge) -> None:
    for kind in ExampleKind:
        example = make(kind, 1)
        seen = judge.judge(example, reply(example, example.completion))
        assert seen.unusable == seen.refused == ""
        assert seen.stopped
        assert seen.exact
        assert seen.changed is (kind is not UNCHANGED)
        assert seen.accepted is (None if kind is UNCHANGED else True)
        assert (seen.tokens, seen.steps) == (10, 4)
        if kind is REVISION:
            assert seen.reply is not None
            assert seen.run == seen.reply
            assert seen.reply.distance == 0.0
        else:
            assert seen.reply is seen.run is None


def test_a_clean_pair_that_is_changed_is_a_false_edit(judge: ReplyJudge) -> None:
    example = make(UNCHANGED, 1)
    seen = judge.judge(example, reply(example, say(example, LONGER)))
    assert (seen.changed, seen.exact, seen.accepted) == (True, False, True)
    copied = judge.judge(example, reply(example, say(example, CLEAN.response or "")))
    assert copied.changed is False, "a text that is repeated is none that was changed"


def test_a_defect_is_repaired_exactly_or_not_at_all(judge: ReplyJudge) -> None:
    example = make(DEFECT, 1)
    assert judge.judge(example, reply(example, say(example, CLEAN.response or ""))).exact
    assert not judge.judge(example, reply(example, say(example, f"{CLEAN.response} Mehr."))).exact
    assert not judge.judge(example, reply(example, leave(example))).exact
    assert not judge.judge(example, reply(example, CLEAN.response or "")).exact, "no run could use it"


def test_a_reply_without_form_counts_as_what_it_says_and_a_run_keeps_the_pair(judge: ReplyJudge) -> None:
    example = make(REVISION, 1)
    seen = judge.judge(example, reply(example, LONGER, FinishReason.LENGTH))
    assert seen.unusable
    assert not seen.stopped
    assert (seen.changed, seen.accepted, seen.lengths) == (None, None, None)
    reference = judge.refer(example)
    assert reference is not None
    assert seen.reply is not None
    assert seen.reply.distance < reference.nothing.distance, "what it says is closer"
    assert seen.run == reference.rules


def test_what_the_checks_refuse_is_not_kept(judge: ReplyJudge) -> None:
    example = make(REVISION, 1)
    seen = judge.judge(example, reply(example, say(example, f"{LONGER} Mehr unter https://example.org/blau.")))
    assert seen.accepted is False
    assert seen.refused == "new-address"
    reference = judge.refer(example)
    assert reference is not None
    assert seen.run == reference.rules


def test_rules_alone_are_what_a_run_without_a_model_makes(judge: ReplyJudge) -> None:
    example = make(DEFECT, 1)
    assert example.before.response == BROKEN
    assert judge.repair(example).response == CLEAN.response
    assert judge.refer(example) is None, "only revisions are compared by closeness"
    revision = judge.refer(make(REVISION, 1))
    assert revision is not None
    assert revision.nothing == revision.rules
    assert 0 < revision.nothing.distance < 1
    assert revision.lengths[0] > revision.lengths[1]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (LONGER, True),
        ("The sky is blue because the air scatters the blue light of the sun more than the red light.", False),
        ("<|response:12345678|>\nEl cielo es azul porque el aire dispersa la luz azul más que la luz roja.", False),
        ("Ja.", None),
        ("<|same|>\n<|end:0123abcd|>", None),
    ],
)
def test_the_language_is_that_of_what_is_said_in_whatever_form(judge: ReplyJudge, text: str, kept: bool | None) -> None:
    example = make(REVISION, 1)
    assert judge.judge(example, reply(example, text)).language_kept is kept
