"""Replies of a model, read without guessing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.agent.engines.protocol import FinishReason
from midb.agent.model.replies import ReplyError, Side, parse_rewrite, parse_verdict
from midb.agent.model.sections import SAME, lay_out_pair, make_nonce, make_tag, pick_sections
from midb.domain.decisions import Pass, Reason
from midb.domain.pairs import Field, InstructionPair

PAIR = InstructionPair(instruction="Nenne eine Farbe.", input="", response="Rot ist eine Farbe.")
SECTIONS = (Field.INSTRUCTION, Field.RESPONSE)
NONCE = "7f3a2c91"
END = make_tag("end", NONCE)


def sections(**texts: str) -> str:
    return "\n".join([*(f"{make_tag(name, NONCE)}\n{text}" for name, text in texts.items()), END])


def parse(reply: str, finish: FinishReason = FinishReason.STOP, pair: InstructionPair = PAIR) -> InstructionPair:
    return parse_rewrite(reply, finish, pair, SECTIONS, NONCE)


@pytest.mark.parametrize(
    "reply",
    [
        f"{SAME}\n{END}",
        f"{SAME}{END}",
        sections(instruction=SAME, response=SAME),
        sections(instruction="Nenne eine Farbe.", response=SAME),
        f"\n {sections(instruction=SAME, response='Rot ist eine Farbe.')} \n",
        f"<think>Is red a colour?\n{make_tag('response', NONCE)}</think>\n\n{SAME}\n{END}",
    ],
)
def test_a_reply_that_changes_nothing(reply: str) -> None:
    assert parse(reply) == PAIR


def test_a_reply_that_changes_one_section() -> None:
    changed = parse(sections(instruction=SAME, response="Blau ist eine Farbe.\nRot auch."))
    assert changed == PAIR.replaced({Field.RESPONSE: "Blau ist eine Farbe.\nRot auch."})


@pytest.mark.parametrize("reply", [SAME, sections(instruction=SAME, response="Blau.").removesuffix(END)])
def test_the_end_that_stopped_a_reply_is_added_again(reply: str) -> None:
    """A stop string is no part of the reply that it ended. One that ended by itself has to have it."""
    changed = PAIR if reply == SAME else PAIR.replaced({Field.RESPONSE: "Blau."})
    assert parse(reply, FinishReason.STOP_STRING) == changed
    with pytest.raises(ReplyError):
        parse(reply, FinishReason.STOP)


def test_an_answer_does_not_become_a_rewrite_by_how_it_ended() -> None:
    with pytest.raises(ReplyError) as caught:
        parse("Blau.", FinishReason.STOP_STRING)
    assert caught.value.reason is Reason.ANSWERED


FAILED = {
    "": Reason.EMPTY_REPLY,
    " \n": Reason.EMPTY_REPLY,
    "<think>hm</think>": Reason.EMPTY_REPLY,
    "Blau.": Reason.ANSWERED,
    "Ich kann dabei leider nicht helfen.": Reason.ANSWERED,
    f"Hier ist das Ergebnis:\n{sections(instruction=SAME, response='x')}": Reason.CHATTER,
    f"{sections(instruction=SAME, response='x')}\nIch hoffe, das hilft!": Reason.CHATTER,
    sections(instruction=SAME): Reason.MISSING_SECTION,
    sections(response="x"): Reason.MISSING_SECTION,
    sections(instruction=SAME, response="x").removesuffix(END): Reason.MISSING_SECTION,
    f"Text\n{END}": Reason.MISSING_SECTION,
    sections(instruction=SAME, input="neu", response="x"): Reason.UNKNOWN_SECTION,
    sections(response="x", instruction=SAME): Reason.UNKNOWN_SECTION,
    f"{make_tag('instruction', NONCE)}\na\n{sections(instruction='b', response='x')}": Reason.UNKNOWN_SECTION,
    sections(instruction=SAME, response=f"x {make_tag('response', 'ffffffff')} y"): Reason.UNKNOWN_SECTION,
    sections(instruction=SAME, response="x <|input|> y"): Reason.UNKNOWN_SECTION,
    sections(instruction=SAME, response=f"{SAME} und mehr"): Reason.CHATTER,
    sections(instruction=SAME, response="x").replace(NONCE, "00000000"): Reason.MISSING_SECTION,
    sections(instruction="", response=""): Reason.FIELD_EMPTIED,
    sections(instruction=SAME, response=" \n"): Reason.FIELD_EMPTIED,
}


@pytest.mark.parametrize(("reply", "reason"), FAILED.items())
def test_what_is_not_as_asked_for_is_a_failed_attempt(reply: str, reason: Reason) -> None:
    with pytest.raises(ReplyError) as failed:
        parse(reply)
    assert failed.value.reason is reason


WHOLE = sections(instruction=SAME, response="x")

#: What the next attempt is told, and it must be so.
TOLD = {
    f"{WHOLE}\nHope it helps!": "There is text after the end tag.",
    f"{WHOLE}\n{WHOLE}": "There is text after the end tag.",
    WHOLE.removesuffix(END): "The end tag is missing.",
    SAME: f"The end tag is missing behind {SAME}.",
    WHOLE.replace(NONCE, "CODE"): "The tags of the reply do not carry the CODE of the task.",
    f"{WHOLE.replace(NONCE, '00000000')}\n{END}": "The tags of the reply do not carry the CODE of the task.",
    f"Gern!\n{WHOLE}": "There is text before the first tag.",
    f"{make_tag('instruction', NONCE)}\na\n{WHOLE}": "The section instruction stands there more than once.",
    sections(response="x", instruction=SAME): "The sections must be, in this order: instruction, response.",
    sections(response="x"): "The section instruction is missing.",
    sections(instruction="", response="x"): f"The section instruction is empty: put its text or {SAME} there.",
    "Blau.": "The reply has no sections: it is an answer, not an edited pair.",
}


@pytest.mark.parametrize(("reply", "told"), TOLD.items())
def test_the_next_attempt_is_told_what_was_wrong(reply: str, told: str) -> None:
    """Without a code: the next prompt has another, and a weak model copies what it is shown."""
    with pytest.raises(ReplyError) as failed:
        parse(reply)
    assert str(failed.value) == told
    assert NONCE not in told


@pytest.mark.parametrize(
    ("reply", "told", "reason"),
    [
        ("A is better.", "The reply is no JSON object.", Reason.BAD_SCHEMA),
        ('Sure: {"code": 1}', "There is text before the JSON object.", Reason.CHATTER),
        ('{"code": 1} Done.', "There is text after the JSON object.", Reason.CHATTER),
        ('{"code": 1, "reasons": [}', "The JSON object is broken", Reason.BAD_SCHEMA),
        ("[1]", "The reply is JSON, but no object.", Reason.BAD_SCHEMA),
        ('{"a": NaN}', "The JSON object is broken", Reason.BAD_SCHEMA),
        ('{"a":' * 5000, "The JSON object is broken", Reason.BAD_SCHEMA),
    ],
)
def test_what_is_wrong_with_a_verdict_is_told_too(reply: str, told: str, reason: Reason) -> None:
    with pytest.raises(ReplyError) as failed:
        parse_verdict(reply, FinishReason.STOP, NONCE)
    assert str(failed.value).startswith(told)
    assert failed.value.reason is reason


@pytest.mark.parametrize("text", ["...", "", " ", "…"])
def test_a_reason_that_says_nothing_is_none(text: str) -> None:
    """Three dots stand for it in the prompt, and a weak model copies them."""
    objection = {"version": "A", "severity": "minor", "reason": text}
    with pytest.raises(ReplyError, match="says nothing"):
        parse_verdict(verdict(reasons=[objection]), FinishReason.STOP, NONCE)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        (FinishReason.LENGTH, Reason.TRUNCATED),
        (FinishReason.OTHER, Reason.TRUNCATED),
        (FinishReason.FILTERED, Reason.WITHHELD),
        (FinishReason.LOOPED, Reason.LOOPED),
    ],
)
def test_a_reply_that_did_not_end_is_never_used_however_whole_it_looks(finish: FinishReason, reason: Reason) -> None:
    with pytest.raises(ReplyError) as failed:
        parse(f"{SAME}\n{END}", finish)
    assert failed.value.reason is reason


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("und so weiter " * 40, Reason.LOOPED),
        ("ラ" * 300, Reason.LOOPED),
        ("und so weiter " * 4, Reason.TRUNCATED),  # too short to tell
        ("und so weiter " * 40 + "dann aber kam es doch ganz anders, als alle dachten.", Reason.TRUNCATED),
        ("".join(f"{number}. Punkt\n" for number in range(80)), Reason.TRUNCATED),
    ],
)
def test_a_reply_that_reached_its_bound_in_a_loop_is_told_from_one_that_was_long(tail: str, reason: Reason) -> None:
    """Servers do not tell the one from the other."""
    with pytest.raises(ReplyError) as failed:
        parse(f"Die Antwort ist lang. {tail}", FinishReason.LENGTH)
    assert failed.value.reason is reason


def test_a_tag_that_stands_in_the_original_may_stay() -> None:
    pair = PAIR.replaced({Field.RESPONSE: "Das Format ist <|input|>."})
    changed = parse(sections(instruction=SAME, response="Das Format lautet <|input|>."), pair=pair)
    assert changed.response == "Das Format lautet <|input|>."


@given(st.text(), st.text(), st.text())
def test_what_is_laid_out_is_read_back(instruction: str, given_input: str, response: str) -> None:
    pair = InstructionPair(instruction=instruction, input=given_input, response=response)
    nonce = make_nonce(instruction, given_input, response)
    shown = pick_sections(pair, Pass.CONTENT)
    laid_out = lay_out_pair(pair, shown, nonce)
    if shown:
        assert parse_rewrite(laid_out, FinishReason.STOP, pair, shown, nonce) == pair
    assert nonce not in instruction + given_input + response


@given(st.text())
def test_any_reply_is_read_or_refused(reply: str) -> None:
    try:
        parsed = parse(reply)
    except ReplyError:
        return
    assert parsed.response


def verdict(**changes: object) -> str:
    value = {"code": NONCE, "preferred": "A", "blamed": "none", "reasons": []} | changes
    return json.dumps(value)


def reason(version: str, severity: str) -> dict[str, str]:
    return {"version": version, "severity": severity, "reason": "It says so."}


@pytest.mark.parametrize("reply", [verdict(), f"```json\n{verdict()}\n```", f"<think>{{}}</think>{verdict()}"])
def test_a_verdict_is_read(reply: str) -> None:
    read = parse_verdict(reply, FinishReason.STOP, NONCE)
    assert read.accepts(Side.A)
    assert not read.accepts(Side.B)


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({"preferred": "tie"}, False),
        ({"preferred": "B"}, False),
        ({"reasons": [reason("A", "minor")]}, True),
        ({"reasons": [reason("A", "major")]}, False),  # contradicts itself
        ({"reasons": [reason("A", "critical")]}, False),
        ({"reasons": [reason("B", "critical")], "blamed": "content"}, True),
    ],
)
def test_only_a_clear_yes_is_one(changes: dict[str, object], accepted: bool) -> None:
    assert parse_verdict(verdict(**changes), FinishReason.STOP, NONCE).accepts(Side.A) is accepted


BAD_VERDICTS = {
    "yes": Reason.BAD_SCHEMA,
    "[]": Reason.BAD_SCHEMA,
    "{}": Reason.BAD_SCHEMA,
    f"Sure: {verdict()}": Reason.CHATTER,
    f"{verdict()} Done.": Reason.CHATTER,
    verdict()[:-3]: Reason.BAD_SCHEMA,
    verdict(code="00000000"): Reason.BAD_SCHEMA,
    verdict(preferred="rewrite"): Reason.BAD_SCHEMA,
    verdict(preferred=None): Reason.BAD_SCHEMA,
    verdict(blamed="model"): Reason.BAD_SCHEMA,
    verdict(blamed="verification"): Reason.BAD_SCHEMA,
    verdict(reasons="none"): Reason.BAD_SCHEMA,
    verdict(reasons=[{"version": "A"}]): Reason.BAD_SCHEMA,
    verdict(reasons=[reason("C", "minor")]): Reason.BAD_SCHEMA,
    verdict(reasons=[reason("A", "grave")]): Reason.BAD_SCHEMA,
    verdict(reasons=[{"version": "A", "severity": [], "reason": "It says so."}]): Reason.BAD_SCHEMA,
    verdict(reasons=[reason("B", "minor") | {"reason": "..."}]): Reason.BAD_SCHEMA,
    verdict(more=1): Reason.BAD_SCHEMA,
    "": Reason.EMPTY_REPLY,
}


@pytest.mark.parametrize(("reply", "code"), BAD_VERDICTS.items())
def test_a_verdict_that_breaks_the_schema_is_none(reply: str, code: Reason) -> None:
    with pytest.raises(ReplyError) as failed:
        parse_verdict(reply, FinishReason.STOP, NONCE)
    assert failed.value.reason is code


@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    with pytest.raises(ReplyError):
        parse_verdict(json.dumps(value), FinishReason.STOP, NONCE)
