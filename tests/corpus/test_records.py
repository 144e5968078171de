"""Records: from bytes to pairs, and a machine reason for whatever cannot be read."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.corpus.formats.array import read_array
from midb.corpus.layouts import LayoutFinder, RecordError
from midb.corpus.raw import RawRecord, Start, read_lines
from midb.corpus.records import (
    declared_language,
    find_demands,
    load_object,
    parse_record,
    record_key,
    undeclared_spelling,
)
from midb.domain.pairs import InstructionPair

ALPACA = {"id": "de-1", "instruction": "Nenne ein Tier.", "output": "Hund"}


def raw(body: bytes | dict[str, Any], position: int = 0) -> RawRecord:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return RawRecord.alone(data, position)


def rejection(body: bytes | dict[str, Any]) -> RecordError:
    with pytest.raises(RecordError) as caught:
        parse_record(raw(body), LayoutFinder())
    return caught.value


@pytest.mark.parametrize(
    ("body", "reason", "told"),
    [
        (b'{"instruction": "cut of', "invalid-json", "(unterminated string at column 17)"),
        (b"{", "invalid-json", "at column 2"),
        (b"text", "invalid-json", "expecting value"),
        (b'{"a": 1} {"b": 2}', "invalid-json", "extra data"),
        (b'{"a": 1,\n "b": tru}', "invalid-json", "at column 7 of its line 2"),
        (b'{"a": "\n"}', "invalid-json", "control character"),
        (b"[" * 100_000, "invalid-json", "nested too deeply"),
        (b'{"a":' * 100_000, "invalid-json", "nested too deeply"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "invalid-json", "nested too deeply"),
        (b"\xef\xbb\xbf{}", "invalid-json", "BOM"),
        (b"42", "not-an-object", "a number"),
        (b"1e999", "not-an-object", "a number"),
        (b"9" * 10_000, "not-an-object", "a number"),
        (b"NaN", "not-an-object", "a number"),
        (b"null", "not-an-object", "null"),
        (b'"text"', "not-an-object", "a text"),
        (b"[{}]", "not-an-object", "a list"),
        (b"false", "not-an-object", "true or false"),
        (b'{"instruction": "caf\xe9", "output": ""}', "not-utf8", "byte 20 is 0xe9"),
        (b"\xff", "not-utf8", "byte 0 is 0xff"),
        ('{"instruction": "x"}'.encode("utf-16"), "not-utf8", "0xff"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else value,
)
def test_what_cannot_be_read_has_a_reason(body: bytes, reason: str, told: str) -> None:
    error = rejection(body)
    assert (error.reason, told in error.message) == (reason, True), error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"instruction": "half \\ud800", "output": "x"}', "half of a surrogate pair"),
        (b'{"instruction": "x", "output": "\\udfff\\ud800"}', '"output"'),
        (b'{"instruction": null}', '"instruction"'),
        (b'{"instruction": ["x"]}', "a list"),
        (b'{"text": "x"}', "columns: text"),
        (b"{}", "none at all"),
        (b'{"role": "assistant", "text": "Ja."}', "columns: role, text"),
        (b'{"messages": [{"role": "system", "content": "s"}]}', "no user turn"),
        (b'{"question_id": 1, "choices": [{"index": 0, "turns": ["Ja."]}]}', "question_id, choices"),
    ],
)
def test_a_record_without_a_pair_is_a_record_all_the_same(body: bytes, told: str) -> None:
    parsed = parse_record(raw(body), LayoutFinder())
    assert told in parsed.unexamined
    assert "\n" not in parsed.unexamined
    assert ([slot.pair for slot in parsed.slots], parsed.sources) == ([InstructionPair()], (None,))


@pytest.mark.parametrize(
    "extra",
    [
        b'"score": NaN', b'"score": -Infinity', b'"score": 1e999', b'"n": ' + b"9" * 10_000, b'"n": -' + b"9" * 5_000,
        b'"text": "\\ud800"', b'"\\udc00": 1', b'"deep": ' + b"[" * 500 + b"]" * 500, b'"instruction": "the last one"',
    ],
    ids=lambda value: value[:20],
)  # fmt: skip
def test_what_does_not_concern_us_costs_no_record(extra: bytes) -> None:
    parsed = parse_record(raw(b'{"instruction": "i", "output": "o", ' + extra + b"}"), LayoutFinder())
    assert parsed.slots[0].pair.response == "o"


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_bytes_raise_anything_but_a_record_error(body: bytes) -> None:
    for data in (body, b'{"instruction": "' + body + b'"}', b'{"instruction": ' + body + b', "output": ""}'):
        try:
            parsed = parse_record(raw(data), LayoutFinder())
        except RecordError as error:
            assert error.reason in {"invalid-json", "not-utf8", "not-an-object"}
            assert error.message.encode()
        else:
            assert parsed.slots


def test_too_long_records_are_not_parsed() -> None:
    spooled = next(read_lines(io.BytesIO(b"x" * 100), Start(), limit=10))
    element = next(read_array(io.BytesIO(b'["' + b"x" * 100 + b'"]'), Start(), limit=10))
    for record in (spooled, element):
        assert isinstance(record, RawRecord)
        with pytest.raises(RecordError, match="more than 16 MiB") as caught:
            load_object(record)
        assert caught.value.reason == "too-long"


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ({"id": "de-1", "uid": "x"}, "de-1"), ({"id": 7}, "7"), ({"id": 0}, "0"), ({"question_id": 81}, "81"),
        ({"id": None, "uuid": "u"}, "u"), ({"id": "", "idx": 3}, "3"), ({"id": " "}, "#4"), ({"id": True}, "#4"),
        ({"id": ["x"]}, "#4"), ({"id": 1.5}, "#4"), ({}, "#4"), ({"id": "\ud800"}, "?"),
        ({"id": "a\x1b[31m\n"}, "a\x1b[31m\n"),
    ],
)  # fmt: skip
def test_keys(record: dict[str, Any], key: str) -> None:
    assert record_key(record, 4) == key


@pytest.mark.parametrize(
    ("record", "code", "unknown"),
    [
        ({"lang": "de"}, "de", None), ({"language": "German"}, "de", None), ({"locale": "pt_BR"}, "pt", None),
        ({"lang_code": "zh-Hant-TW"}, "zh", None), ({"language": " DEUTSCH "}, "de", None),
        ({"lang": "ind"}, "id", None), ({"lang": None}, None, None), ({"lang": 5}, None, None),
        ({"language": "日本語"}, "ja", None), ({"lang": "en"}, "en", None), ({"lang": ""}, None, None),
        ({"lang": "tlh"}, "tlh", None), ({"lang": "nld"}, "nl", None),
        ({"language": "Swedish"}, "sv", None), ({"lang": "klingonisch"}, None, "klingonisch"),
        ({"lang": "xx", "language": "fr"}, "fr", "xx"),
        ({}, None, None), ({"language": "python"}, None, "python"), ({"lang": "\ud800"}, None, "\\ud800"),
        ({"lang": "x" * 100}, None, "x" * 40 + "..."),
    ],
)  # fmt: skip
def test_declared_languages(record: dict[str, Any], code: str | None, unknown: str | None) -> None:
    assert declared_language(record) == code
    assert undeclared_spelling(record) == unknown


def test_a_parsed_record_has_key_language_and_source() -> None:
    source = {"instruction": "Name an animal.", "output": "Dog"}
    parsed = parse_record(raw(ALPACA | {"lang": "de", "source": source}), LayoutFinder())
    assert (parsed.key, parsed.declared) == ("de-1", "de")
    assert parsed.sources == (InstructionPair(instruction="Name an animal.", response="Dog"),)


CHAT = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}] * 2}


@pytest.mark.parametrize(
    ("record", "source", "found"),
    [
        (ALPACA, b'{"prompt": "p", "response": "r"}', [("p", "r")]),
        (ALPACA | {"source": {"instruction": "own"}}, b'{"instruction": "file"}', [("file", None)]),
        (ALPACA | {"source": {"instruction": "own"}}, b"{broken", [None]),
        (ALPACA | {"source": {"instruction": "own"}}, None, [("own", None)]),
        (ALPACA | {"source": "a book"}, None, [None]),
        (ALPACA | {"source": {"title": "a book"}}, None, [None]),
        (ALPACA | {"source": {"instruction": 5}}, None, [None]),
        (ALPACA | {"source": {"instruction": "half \ud800"}}, None, [None]),
        (ALPACA, b"[]", [None]),
        (ALPACA, b"\xff", [None]),
        (ALPACA, json.dumps(CHAT).encode(), [None]),
        (CHAT, json.dumps(CHAT).encode(), [("q", "a"), ("q", "a")]),
        (CHAT | {"source": ALPACA}, None, [None, None]),
    ],
)
def test_sources_are_aligned_with_the_pairs(
    record: dict[str, Any], source: bytes | None, found: list[tuple[str | None, str | None] | None]
) -> None:
    parsed = parse_record(raw(record), LayoutFinder(), source)
    assert [s and (s.instruction, s.response) for s in parsed.sources] == found


def test_short_texts_of_other_fields_may_be_demanded() -> None:
    record = ALPACA | {
        "lang": "de",
        "kwargs": [{"end_phrase": "Noch Fragen?", "n": 3}, None],
        "source": {"output": "a."},
    }
    parsed = parse_record(raw(record), LayoutFinder())
    assert parsed.demands == ("Noch Fragen?",)


def test_what_is_no_phrase_is_not_demanded() -> None:
    slots = parse_record(raw(ALPACA), LayoutFinder()).slots
    others = {"text": "Nenne ein Tier.", "word": "Hund", "long": "x. " * 100, "vector": [0.5] * 5_000, "one": "."}
    assert list(find_demands(ALPACA | others, slots)) == []


def test_demands_are_bounded() -> None:
    record = ALPACA | {"checks": [{"phrase": f"Nummer {number}."} for number in range(200)]}
    assert len(parse_record(raw(record), LayoutFinder()).demands) == 50
