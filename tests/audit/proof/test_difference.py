"""The first record of a changed corpus or output is named, whatever was changed in it."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from boosted_folder import CORPUS, DB, KEYS, OUTPUT, REVERTED

from midb.audit.proof.difference import FileDifference, find_in_corpus, find_in_output
from midb.audit.reader import AuditReader

Lines = list[bytes]


def in_output(folder: Path, run: int = 1) -> FileDifference:
    with AuditReader(folder / DB) as reader:
        return find_in_output(reader, reader.run(run), folder / (OUTPUT if run == 1 else REVERTED), folder / CORPUS)


def in_corpus(folder: Path, run: int = 1) -> FileDifference:
    with AuditReader(folder / DB) as reader:
        return find_in_corpus(reader, reader.run(run), folder / CORPUS)


def change(path: Path, make: Callable[[Lines], object]) -> None:
    """Change the lines of a file, in place or by what is returned."""
    lines = path.read_bytes().splitlines(keepends=True)
    made = make(lines)
    path.write_bytes(b"".join(made if isinstance(made, list) else lines))


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize(
    ("old", "new"),
    [(b"Gru\xc3\x9f", b"Gruss"), (b'"id": "de-', b'"id": "DE-'), (b'"more": ', b'"more": 1'), (b'"more"', b' "more"')],
)
def test_a_change_in_any_record_is_found(run: int, number: int, old: bytes, new: bytes, boosted_folder: Path) -> None:
    """A text, an id, another field, a blank: in records that were repaired, left alone, and undone."""
    path = boosted_folder / (OUTPUT if run == 1 else REVERTED)
    change(path, lambda lines: [*lines[:number], lines[number].replace(old, new), *lines[number + 1 :]])
    found = in_output(boosted_folder, run)
    assert (found.record, found.line) == (KEYS[number], number + 1)


def test_a_change_outside_of_texts_needs_the_corpus(boosted_folder: Path) -> None:
    change(boosted_folder / OUTPUT, lambda lines: [lines[0].replace(b'"more"', b'"less"'), *lines[1:]])
    with AuditReader(boosted_folder / DB) as reader:
        found = find_in_output(reader, reader.run(1), boosted_folder / OUTPUT, None)
    assert (found.record, found.line) == ("", None)
    assert "outside of the texts" in found.message


@pytest.mark.parametrize(
    ("make", "record", "line", "message"),
    [
        (lambda lines: lines[:4], "de-4", None, "it ends before this record"),
        (lambda lines: [*lines, lines[0]], "", 7, "it goes on behind the last record"),
        (lambda lines: lines[1:], "de-0", 1, "its id or its texts"),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "de-0", 1, "its id or its texts"),
        (lambda lines: [*lines[:2], b"no JSON\n", *lines[3:]], "de-2", 3, "its id or its texts"),
        (lambda lines: [*lines, b"\n"], "", None, "outside of the texts"),
        (lambda lines: [b"\xff\xfe\x00"], "", None, "it cannot be read"),
        (lambda lines: [b""], "", None, "it cannot be read"),
    ],
    ids=["cut", "longer", "the first gone", "swapped", "unreadable", "a blank line", "no text", "empty"],
)
def test_whatever_became_of_an_output_is_said(
    make: Callable[[Lines], Lines], record: str, line: int | None, message: str, boosted_folder: Path
) -> None:
    change(boosted_folder / OUTPUT, make)
    found = in_output(boosted_folder)
    assert (found.record, found.line, message in found.message) == (record, line, True), found


@pytest.mark.parametrize(
    ("make", "record", "line"),
    [
        (lambda lines: [lines[0].replace(b"Gru", b"Gro"), *lines[1:]], "de-0", 1),
        (lambda lines: [*lines[:3], b"OOPS\n", *lines[4:]], "#3", 4),
        (lambda lines: [*lines[:3], *lines[4:]], "#3", 4),
        (lambda lines: lines[:6], "de-5", None),
        (lambda lines: [*lines, lines[0]], "", 8),
        (lambda lines: [*lines, b"\n"], "", None),
    ],
    ids=["a text", "a rejected line", "that line gone", "cut", "longer", "a blank line"],
)
def test_whatever_became_of_a_corpus_is_said(
    make: Callable[[Lines], Lines], record: str, line: int | None, boosted_folder: Path
) -> None:
    change(boosted_folder / CORPUS, make)
    for run in (1, 2):
        found = in_corpus(boosted_folder, run)
        assert (found.record, found.line) == (record, line), found


def test_an_output_that_was_packed_is_read_and_said_to_differ_outside_of_its_texts(boosted_folder: Path) -> None:
    path = boosted_folder / OUTPUT
    path.write_bytes(gzip.compress(path.read_bytes()))
    found = in_output(boosted_folder)
    assert (found.record, "outside of the texts" in found.message) == ("", True)
