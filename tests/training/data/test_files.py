"""Revisions out of files, folders and logs; what holds none is counted, and where there is none it is said."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from review_fixtures import candidates_of

import midb
from midb.audit.reader import AuditReader
from midb.domain.decisions import Pass
from midb.domain.errors import CorpusError, MidbError, UsageError
from midb.review.desk import Desk, Said
from midb.training.data.files import read_revisions
from midb.training.data.revision import Origin

GERMAN = "Das ist ein deutscher Satz über das Wetter und den Winter, Nummer {}."
ENGLISH = "This is an English sentence about the weather and the winter, number {}."


def meb(text: str, rows: list[int]) -> list[dict[str, Any]]:
    chance = random.Random(1)
    distances = [chance.randrange(300) for _ in range(60)]
    return [
        {
            "Raw Instruction": text.format(row), "Raw Input": "", "Raw Response": text.format(row),
            "Revised Instruction": text.format(row), "Revised Input": "",
            "Revised Response": text.format(row) + " " + text.format(row + 1), "Distance": distances[row],
        }
        for row in rows
    ]  # fmt: skip


def test_files_of_a_release_are_aligned_with_their_english_one(tmp_path: Path) -> None:
    everything = list(range(60))
    (tmp_path / "English.json").write_text(json.dumps(meb(ENGLISH, everything)))
    (tmp_path / "German.json").write_text(json.dumps(meb(GERMAN, everything[:20] + everything[21:])))
    reading = read_revisions([tmp_path])
    assert {one.language for one in reading.revisions} == {"de"}
    assert len(reading.revisions) == 59
    for place, one in enumerate(reading.revisions):
        row = place + (place >= 20)
        assert one.source is not None
        assert one.source.instruction == ENGLISH.format(row)
        assert (one.origin, one.pass_) == (Origin.MEB, Pass.CONTENT)
    alone = read_revisions([tmp_path / "German.json"]).revisions
    assert all(one.source is None for one in alone)


def test_lines_say_their_language_and_source(tmp_path: Path) -> None:
    lines = [
        {"id": "tr-7", "lang": "tr", "instruction": "Selam ver.", "output": "Selam!", "revised_output": "Merhaba!",
         "source": {"instruction": "Greet.", "output": "Hello!"}},
        {"id": "nl-7", "lang": "nl", "instruction": "Groet.", "output": "Hoi!", "revised_output": "Hallo!"},
        {"id": "tr-8", "lang": "tr", "instruction": "Bos.", "output": "", "revised_output": " "},
        {"id": "tr-9", "lang": "tr", "instruction": "Tek.", "output": "Bir"},
    ]  # fmt: skip
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\nnot json\n")
    reading = read_revisions([path])
    (one,) = reading.revisions
    assert (one.language, one.name, one.origin) == ("tr", "a.jsonl tr-7", Origin.LINES)
    assert one.source is not None
    assert one.row.startswith("english ")
    assert reading.left_out.total() == 4
    assert reading.left_out["in another language (nl)"] == reading.left_out["no response on either side"] == 1
    with pytest.raises(UsageError, match="there is no revision in"):
        read_revisions([path], ["de"])


def test_a_log_gives_what_stands_pass_by_pass(tmp_path: Path) -> None:
    records = [
        {"id": "de-1", "instruction": "Nenne vier Farben.",
         "output": "Gern:\n1. SchÃ¶nes Rot.\n2. Blau.\n2. GrÃ¼n.\n4. Gelb."},
        {"id": "de-2", "instruction": "Nenne eine Farbe.", "output": "Rot."},
    ]  # fmt: skip
    audit = tmp_path / "x.audit.db"
    midb.boost(records, language="de", audit=audit)
    reading = read_revisions([audit])
    assert {one.pass_ for one in reading.revisions} == {Pass.CONTENT, Pass.TRANSLATION}
    first, second = reading.revisions
    assert first.raw.response == records[0]["output"]
    assert second.raw == first.revised
    assert "Schönes Rot" in str(second.revised.response)
    assert first.row == "number 1"
    assert reading.left_out["no edit stands (log)"] == 1


def test_of_a_log_that_was_reviewed_only_what_people_confirmed_is_learnt(log: Path) -> None:
    standing = len(read_revisions([log]).revisions)
    with AuditReader(log) as reader:
        desk = Desk(log, reader.run(1))
        desk.say("Ana", candidates_of(log)["one mojibake"], Said("reject"))
        desk.say("Ana", candidates_of(log)["open imperial-unit"], Said("change", "8 km"))
    reading = read_revisions([log])
    assert len(reading.revisions) == 2 < standing
    by_name = {one.name.split()[-1]: one for one in reading.revisions}
    assert by_name["one"].unchanged
    assert by_name["open"].revised.response == "Es sind 8 km bis zum See."
    assert {one.origin for one in reading.revisions} == {Origin.REVIEW}
    assert reading.left_out["not every edit was reviewed (log)"] == 3
    assert read_revisions([log], ["tr", "de"]).revisions == reading.revisions
    with pytest.raises(UsageError):
        read_revisions([log], ["tr"])


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\x00" + bytes(100))
    (tmp_path / "zero.jsonl").write_bytes(b"")
    for path, kind in (
        (tmp_path / "none.json", CorpusError), (tmp_path / "empty", CorpusError), (tmp_path / "other.db", MidbError),
        (tmp_path / "zero.jsonl", CorpusError),
    ):  # fmt: skip
        with pytest.raises(kind):
            read_revisions([path])
