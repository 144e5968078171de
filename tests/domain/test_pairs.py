"""Pairs: absent is not empty, texts come in reading order, and the same texts have the same hash everywhere."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from midb.domain.pairs import Field, InstructionPair

TEXT = st.none() | st.text()
PAIRS = st.builds(InstructionPair, instruction=TEXT, input=TEXT, response=TEXT)


def test_a_field_that_is_absent_is_not_empty() -> None:
    prompt = InstructionPair(instruction="Frage", input="")
    assert list(prompt.texts()) == [(Field.INSTRUCTION, "Frage"), (Field.INPUT, "")]
    assert (prompt.text(Field.INPUT), prompt.text(Field.RESPONSE)) == ("", None)
    assert prompt != prompt.replaced({Field.RESPONSE: ""})
    assert prompt.content_hash() != prompt.replaced({Field.RESPONSE: ""}).content_hash()


def test_a_pair_is_replaced_and_never_changed() -> None:
    pair = InstructionPair(instruction="a", response="b")
    other = pair.replaced({Field.RESPONSE: "c", Field.INPUT: "d"})
    assert (other.instruction, other.input, other.response) == ("a", "d", "c")
    assert pair.response == "b"
    with pytest.raises(ValidationError):
        pair.response = "x"


def test_only_texts_are_texts() -> None:
    with pytest.raises(ValidationError):
        InstructionPair(instruction=5)  # type: ignore[arg-type]


@given(PAIRS, PAIRS)
def test_the_hash_is_of_the_texts_and_their_places(one: InstructionPair, other: InstructionPair) -> None:
    assert (one.content_hash() == other.content_hash()) is (one == other)


def test_the_hash_is_made_as_logs_have_it() -> None:
    """Written out: every log that exists rests on this."""
    expected = hashlib.sha256(b'["Wie weit?","","5 Meilen"]').hexdigest()
    assert InstructionPair(instruction="Wie weit?", input="", response="5 Meilen").content_hash() == expected
    assert InstructionPair().content_hash() == hashlib.sha256(b"[null,null,null]").hexdigest()
