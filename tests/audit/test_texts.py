"""Texts of a record as the log keeps them are read back as they were written, and hash alike wherever they are."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.audit.texts import parse_texts, texts_hash, texts_json
from midb.domain.errors import ReplayError
from midb.domain.pairs import InstructionPair

TEXT = st.none() | st.text(st.characters(exclude_categories=["Cs"]))
PAIRS = st.lists(st.builds(InstructionPair, instruction=TEXT, input=TEXT, response=TEXT), max_size=3)


@given(PAIRS)
def test_what_is_written_is_read_back(pairs: list[InstructionPair]) -> None:
    assert list(parse_texts(texts_json(pairs))) == pairs


@given(PAIRS, PAIRS)
def test_other_texts_have_another_hash(one: list[InstructionPair], other: list[InstructionPair]) -> None:
    assert (texts_hash(one) == texts_hash(other)) is (one == other)


def test_the_order_of_pairs_counts() -> None:
    first, second = InstructionPair(response="a"), InstructionPair(response="b")
    assert texts_hash([first, second]) != texts_hash([second, first])


def test_the_hash_is_the_same_in_every_version() -> None:
    """Logs are compared over years: how a hash is made never changes."""
    pair = hashlib.sha256(b'["Frage",null,"Antwort"]').hexdigest()
    expected = hashlib.sha256(f'["{pair}"]'.encode()).hexdigest()
    assert texts_hash([InstructionPair(instruction="Frage", response="Antwort")]) == expected


@pytest.mark.parametrize(
    "text", ["no json", "3", "{}x", "[[1, 2, 3]]", '[["a", "b"]]', "[null]", '[["a","b","c","d"]]']
)
def test_what_the_log_does_not_write_is_refused(text: str) -> None:
    with pytest.raises(ReplayError, match="is not a list of texts"):
        parse_texts(text)
