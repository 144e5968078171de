"""Edits inside the bytes of a record: the texts come out as edited, every other byte stays."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from midb.corpus.splice import Path, find_strings, has_escapes, splice, write_string
from midb.domain.edits import Edit, apply_to_text
from midb.domain.pairs import Field

CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\/\n\té字😀\u2028\x7f\x01[]{},:')
TEXTS = st.text(CHARACTERS, max_size=12)
KEYS = st.sampled_from(["", "a", "b", 'k"\\', "ключ", "0"])
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers() | st.floats(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


def spelled_character(draw: st.DrawFn, character: str, ascii_only: bool) -> str:
    """One of the ways in which JSON can write a character."""
    ways = [json.dumps(character)[1:-1]]
    if not ascii_only:
        ways.append(orjson.dumps(character).decode()[1:-1])
    units = character.encode("utf-16-be")
    escape = "".join(f"\\u{units[i] * 256 + units[i + 1]:04x}" for i in range(0, len(units), 2))
    ways += [escape, escape[:2] + escape[2:].upper().replace("\\U", "\\u")]
    if character == "/":
        ways.append("\\/")
    return draw(st.sampled_from(ways))


@st.composite
def spellings(draw: st.DrawFn, value: object, ascii_only: bool) -> str:
    """A value as some JSON writer might write it: blanks anywhere, any escapes, now and then a duplicate key."""

    def blank() -> str:
        return draw(st.sampled_from(["", "", "", " ", "\n\t", "\r "]))

    def text(value: str) -> str:
        return '"' + "".join(spelled_character(draw, c, ascii_only) for c in value) + '"'

    def write(value: object) -> str:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, list):
            return "[" + blank() + ",".join(blank() + write(item) + blank() for item in value) + "]"
        if isinstance(value, dict):
            members = [(key, write(item)) for key, item in value.items()]
            if members and draw(st.integers(0, 3)) == 0:  # an earlier member of the same name, which does not count
                members.insert(0, (draw(st.sampled_from(members))[0], write(draw(VALUES))))
            joined = ",".join(f"{blank()}{text(key)}{blank()}:{blank()}{item}{blank()}" for key, item in members)
            return "{" + blank() + joined + "}"
        return json.dumps(value)

    return blank() + write(value) + blank()


def texts_of(value: object, path: Path = ()) -> dict[Path, str]:
    """Every text of a document with its path."""
    if isinstance(value, str):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {where: text for key, item in items for where, text in texts_of(item, (*path, key)).items()}


@st.composite
def edits_of(draw: st.DrawFn, text: str) -> list[Edit]:
    """Edits of one decision, which may touch, in any order."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    spans = dict(zip(cuts[::2], cuts[1::2], strict=False))  # of those that begin at one point only the last
    edits = [Edit(Field.RESPONSE, start, end, text[start:end], draw(TEXTS), "k") for start, end in spans.items()]
    return list(draw(st.permutations(edits)))


#: The bytes of a record, edits of some of its texts in several stages, and how these texts come out.
Case = tuple[bytes, dict[Path, list[list[Edit]]], dict[Path, str]]


@st.composite
def cases(draw: st.DrawFn, ascii_only: bool = False) -> Case:
    body = draw(DOCUMENTS.flatmap(lambda value: spellings(value, ascii_only))).encode()
    texts = texts_of(json.loads(body))
    stages: dict[Path, list[list[Edit]]] = {}
    for path in draw(st.lists(st.sampled_from(sorted(texts, key=repr)), unique=True)) if texts else []:
        for _ in range(draw(st.integers(1, 3))):
            stages.setdefault(path, []).append(edits := draw(edits_of(texts[path])))
            texts[path] = apply_to_text(texts[path], edits)
    return body, stages, texts


def without_texts(body: bytes, paths: set[Path]) -> list[bytes]:
    """The bytes around the texts."""
    spans = sorted(find_strings(body, paths).values())
    edges = [0, *(edge for span in spans for edge in span), len(body)]
    return [body[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]


@given(cases(), st.booleans())
def test_texts_come_out_as_edited_and_all_else_stays(case: Case, ascii_only: bool) -> None:
    body, stages, texts = case
    new = splice(body, stages, ascii_only=ascii_only)
    assert texts_of(json.loads(new)) == texts
    assert without_texts(new, set(stages)) == without_texts(body, set(stages))
    if not any(edit.before or edit.after for edits in stages.values() for stage in edits for edit in stage):
        assert new == body


@given(cases())
def test_every_text_is_found_at_its_path(case: Case) -> None:
    body, _, _ = case
    texts = texts_of(json.loads(body))
    spans = find_strings(body, set(texts))
    assert {path: json.loads(body[start:end]) for path, (start, end) in spans.items()} == texts
    assert find_strings(body, {("no", "such", "path"), ()}) == {}


@given(cases(ascii_only=True))
def test_a_record_in_ascii_with_escapes_stays_in_ascii(case: Case) -> None:
    body, stages, _ = case
    escaped = b'{"first": "caf\\u00e9",' + body.lstrip()[1:]
    if body.lstrip()[1:].lstrip().startswith(b"}"):
        escaped = escaped.replace(b",", b"", 1)
    for ascii_only in (True, False):
        assert splice(escaped, stages, ascii_only=ascii_only).isascii()


@pytest.mark.parametrize(
    ("before", "ascii_only", "after"),
    [
        (rb'{"t": "a-b"}', False, '{"t": "aé😀b"}'),
        (rb'{"t": "a-b"}', True, r'{"t": "a\u00e9\ud83d\ude00b"}'),
        (rb'{"t": "a-b", "x": "\u00fc"}', False, r'{"t": "a\u00e9\ud83d\ude00b", "x": "\u00fc"}'),
        ('{"t": "a-b", "x": "ü\\u00fc"}'.encode(), True, '{"t": "aé😀b", "x": "ü\\u00fc"}'),
        # Neither an escaped backslash before "u00fc" nor an escaped control character says how letters are written.
        (rb'{"t": "a-b", "x": "\\u00fc"}', False, r'{"t": "aé😀b", "x": "\\u00fc"}'),
        (rb'{"t": "a-b", "x": "\\\\\\\u00fc"}', False, r'{"t": "a\u00e9\ud83d\ude00b", "x": "\\\\\\\u00fc"}'),
        (rb'{"t": "a-b", "x": "\u0007"}', False, r'{"t": "aé😀b", "x": "\u0007"}'),
    ],
)
def test_new_characters_are_escaped_as_the_record_does(before: bytes, ascii_only: bool, after: str) -> None:
    edits = [[Edit(Field.RESPONSE, 1, 2, "-", "é😀", "k")]]
    assert splice(before, {("t",): edits}, ascii_only=ascii_only).decode() == after


def test_offsets_count_code_points_however_they_are_written() -> None:
    body = rb'{"t": "\ud83d\ude00\/\u00e9\n' + '😀"}'.encode()
    edits = [[Edit(Field.RESPONSE, 4, 5, "😀", '"', "k"), Edit(Field.RESPONSE, 1, 2, "/", "", "k")]]
    assert splice(body, {("t",): edits}, ascii_only=False) == rb'{"t": "\ud83d\ude00\u00e9\n\""}'


def test_what_is_inserted_at_one_point_comes_in_the_order_given() -> None:
    edits = [Edit(Field.RESPONSE, 1, 1, "", text, "k") for text in "xyz"]
    assert splice(b'{"t": "ab"}', {("t",): [edits]}, ascii_only=False) == b'{"t": "axyzb"}'
    assert apply_to_text("ab", edits) == "axyzb"


def test_of_duplicate_keys_the_last_is_edited() -> None:
    body = b'{"m": [{"t": "x"}, {"t": "x"}], "t": "x", "m": [{"t": "x", "t": "x"}], "t": "x"}'
    edits = [[Edit(Field.RESPONSE, 0, 1, "x", "y", "k")]]
    new = splice(body, {("t",): edits, ("m", 0, "t"): edits}, ascii_only=False)
    assert new == b'{"m": [{"t": "x"}, {"t": "x"}], "t": "x", "m": [{"t": "x", "t": "y"}], "t": "y"}'


def test_many_edits_of_a_long_text_take_linear_work() -> None:
    """A quadratic way would copy 100 GB here."""
    text = "a" * 1_000_000
    edits = [Edit(Field.RESPONSE, place, place + 1, "a", "b", "k") for place in range(0, len(text), 5)]
    new = splice(b'{"t": "' + text.encode() + b'"}', {("t",): [edits]}, ascii_only=False)
    assert new == b'{"t": "' + b"baaaa" * 200_000 + b'"}'


@pytest.mark.parametrize(
    ("like", "ascii_only", "written"),
    [
        (b'"gr\\u00fcn"', False, b'"\\u00e4"'), ('"grün"'.encode(), True, '"ä"'.encode()),
        (b'"rot"', True, b'"\\u00e4"'), (b'"rot"', False, '"ä"'.encode()), (b'"\\\\u00fc"', False, '"ä"'.encode()),
    ],
)  # fmt: skip
def test_a_text_is_written_as_the_one_before_was(like: bytes, ascii_only: bool, written: bytes) -> None:
    assert write_string("ä", like=like, ascii_only=ascii_only) == written
    assert has_escapes(like) == (like == b'"gr\\u00fcn"')
