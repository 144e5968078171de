"""Files that are in the way, change under the reader, or are made to hurt: one sentence, and nothing lost."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import zstandard
from model_runs import Serve
from scripted import left_alone

from midb.agent.run.runner import Runner
from midb.agent.state import PairContext
from midb.corpus.formats.containers import open_container
from midb.corpus.raw import MAX_BLANK_BYTES, RawRecord
from midb.domain.defects import Finding
from midb.domain.pairs import InstructionPair

GOOD = b'{"id":"a","lang":"it","instruction":"Ciao","output":"Bene &amp; male."}\n'


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four batches of a run."""
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)
    path = tmp_path / "c.jsonl"
    path.write_bytes(b"".join(GOOD.replace(b'"a"', b'"%d"' % n) for n in range(100)))
    return path


@pytest.fixture
def small_corpus(corpus: Path) -> Path:
    """Two records, where no more are needed."""
    corpus.write_bytes(b"".join(corpus.read_bytes().splitlines(keepends=True)[:2]))
    return corpus


@pytest.mark.parametrize("ending", [".partial", ".rejected.jsonl", ".temporary"])
@pytest.mark.parametrize("link", [False, True])
def test_files_of_others_beside_the_output_stay(
    cli: Callable[..., Any], small_corpus: Path, ending: str, link: bool
) -> None:
    corpus = small_corpus
    victim = corpus.with_name("victim.txt")
    victim.write_text("precious")
    place = corpus.with_name(f"c.boosted.jsonl{ending}")
    if link:
        place.symlink_to(victim)
    else:
        place.write_text("precious")
    refused = cli("run", corpus, "--quiet")
    assert refused.code == 2
    assert place.name in refused.err
    assert place.read_text() == victim.read_text() == "precious"
    assert not corpus.with_name("c.boosted.jsonl.audit.db").exists()
    place.unlink()
    assert cli("run", corpus, "--quiet").code == 0


@pytest.mark.parametrize("name", ["c.jsonl", "c.jsonl.zst"])
def test_what_is_made_of_a_private_corpus_is_private(cli: Callable[..., Any], small_corpus: Path, name: str) -> None:
    corpus = small_corpus
    path = corpus.with_name(name)
    data = corpus.read_bytes() + b"not JSON\n"
    path.write_bytes(zstandard.compress(data) if name.endswith("zst") else data)
    path.chmod(0o600)
    (corpus.with_name("c.jsonl")).chmod(0o600)
    assert cli("run", path, "--quiet").code == 0
    made = [file for file in corpus.parent.iterdir() if "boosted" in file.name]
    assert len(made) == 3
    assert {file.stat().st_mode & 0o777 for file in made} == {0o600}


@pytest.mark.parametrize("change", ["cut", "appended", "edited", "replaced"])
def test_a_corpus_that_changes_while_it_is_read_is_an_error(
    cli: Callable[..., Any], corpus: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Runner._write
    data = corpus.read_bytes()

    def changing(self: Runner, *arguments: Any) -> None:
        if change == "cut":
            os.truncate(corpus, len(data) // 2)
        elif change == "appended":
            corpus.write_bytes(data + GOOD)
        elif change == "edited":
            with corpus.open("r+b") as file:
                file.seek(len(data) - 20)
                file.write(b"X")
        else:
            corpus.unlink()
            corpus.write_bytes(data.replace(b"Bene", b"Male"))
        write(self, *arguments)

    monkeypatch.setattr(Runner, "_write", changing)
    failed = cli("run", corpus, "--workers", "0")
    assert failed.code == 1
    assert "was changed while it was read" in failed.err
    assert not corpus.with_name("c.boosted.jsonl").exists()
    monkeypatch.setattr(Runner, "_write", write)
    assert cli("run", corpus, "--fresh", "--quiet").code == 0


BOMBS = {
    "blank lines.jsonl.zst": (GOOD, b" \n" * (1 << 19), GOOD),
    "newlines.jsonl.zst": (GOOD, b"\n" * (1 << 20), GOOD),
    "blanks.json.zst": (b"[" + GOOD.strip() + b",", b" " * (1 << 20), GOOD.strip() + b"]"),
    "end.json.zst": (b"[" + GOOD.strip() + b"]", b" " * (1 << 20), b"[]"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_blanks_that_unpack_from_little_are_not_kept(tmp_path: Path, name: str) -> None:
    """Sixteen times as many as are kept; what a reader holds is bounded, and its records are right."""
    head, unit, end = BOMBS[name]
    path = tmp_path / name
    path.write_bytes(zstandard.compress(head + unit * 16 + end))
    items = list(open_container(path).read())
    records = [item for item in items if isinstance(item, RawRecord)]
    assert json.loads(records[0].body)["id"] == "a"
    if name == "end.json.zst":
        assert records[1].spool is not None, "what stands behind an array is a record of its own, too long to be one"
    else:
        assert json.loads(records[1].body)["id"] == "a"
    for item in items:
        held = item.before if isinstance(item, RawRecord) else item.data
        assert len(held) <= 2 * MAX_BLANK_BYTES
    if name.endswith("jsonl.zst"):
        assert records[1].line == 2 + unit.count(b"\n") * 16


@pytest.mark.parametrize("first", [b'{"id":"\0"}', b"\xff\xfe{}", b"BZhello", b"\0\0", b"PK"])
def test_an_odd_first_line_costs_that_line_only(cli: Callable[..., Any], tmp_path: Path, first: bytes) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(first + b"\n" + GOOD * 3)
    done = cli("run", path)
    assert done.code == 0, done.err
    assert "4 read = 0 unchanged + 3 improved + 0 reverted + 1 rejected" in done.err


@pytest.mark.parametrize("text", ['{"a": 1}', "[1]"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_other_encodings_are_named(cli: Callable[..., Any], tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes((text * 40).encode(encoding))
    refused = cli("run", path)
    assert refused.code == 2
    assert "is not UTF-8 text" in refused.err


def test_a_name_that_is_no_utf8_is_shown_escaped(
    cli: Callable[..., Any], tmp_path: Path, ask: Callable[[Path, str], list[tuple[Any, ...]]]
) -> None:
    path = tmp_path / os.fsdecode(b"\xff.jsonl")
    try:
        path.write_bytes(GOOD)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    done = cli("run", path)
    assert done.code == 0, done.err
    db = tmp_path / os.fsdecode(b"\xff.boosted.jsonl.audit.db")
    assert ask(db, "SELECT output FROM runs") == [("\\xff.boosted.jsonl",)]
    assert cli("audit", "verify", "--db", db).code == 0


def test_check_prints_nothing_that_steers_a_terminal(cli: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_bytes(GOOD.replace(b'"a"', b'"\\u009b31m\\u202e"'))
    checked = cli("check", path, "--json")
    assert "\x9b" not in checked.out
    assert "\u202e" not in checked.out
    assert json.loads(checked.out)["id"] == "\x9b31m\u202e"


def test_the_copy_that_a_killed_run_left_of_standard_input_is_removed(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, used = tmp_path / ".midb-stdin-left", tmp_path / ".midb-stdin-used"
    left.write_bytes(GOOD)
    with used.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        stream = SimpleNamespace(buffer=io.BytesIO(GOOD), isatty=lambda: False)
        monkeypatch.setattr(sys, "stdin", stream)
        assert cli("run", "-", "-o", tmp_path / "out.jsonl", "--quiet").code == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".midb")] == [used.name]


def test_parquet_columns_of_text_views(cli: Callable[..., Any], tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    texts = ["Vale 3 &amp;amp; basta.", "Va bene.", None, "x" * 40]
    table = pa.table(
        {"instruction": ["Ciao"] * 3 + [None], "output": pa.array(texts, pa.string_view()), "n": [1, 2, 3, 4]}
    )
    pq.write_table(table, tmp_path / "c.parquet")
    done = cli("run", tmp_path / "c.parquet", "--language", "it")
    assert done.code == 0, done.err
    rows = pq.read_table(tmp_path / "c.boosted.parquet").to_pylist()
    assert [row["output"] for row in rows] == ["Vale 3 & basta.", *texts[1:]]
    assert [row["n"] for row in rows] == [1, 2, 3, 4]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the system has no such timers")
@pytest.mark.parametrize("model", [False, True])
def test_a_record_that_takes_too_long_is_named_everywhere_and_lost_nowhere(
    cli: Callable[..., Any],
    corpus: Path,
    ask: Callable[[Path, str], list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    served: Serve,
    model: bool,
) -> None:
    """A pattern that tries every way to fail, in the middle of a run that has no worker processes, or has a model."""
    look = PairContext.inspect

    def endless(self: PairContext, pair: InstructionPair) -> list[Finding]:
        if "never ends" in (pair.response or ""):
            re.match(r"(?:a+)+b", "a" * 64)
        return look(self, pair)

    monkeypatch.setattr(PairContext, "inspect", endless)
    lines = corpus.read_bytes().splitlines(keepends=True)[:9]
    lines[4] = lines[4].replace(b"Bene", b"never ends")
    corpus.write_bytes(b"".join(lines))
    options = ["--model", f"openai:replay@{served(left_alone).url}"] if model else ["--workers", "0"]
    done = cli("run", corpus, "--record-seconds", "0.5", "--json", *options)
    assert done.code == 0, done.err
    events = [json.loads(line) for line in done.out.splitlines()]
    sentence = "line 5: examining it took more than 0.5 s of processor time; the record stays as it is"
    warnings = [event["message"] for event in events if event["event"] == "warning"]
    assert [message for message in warnings if "model's server" not in message] == [sentence]
    end = events[-1]
    assert (end["read"], end["unchanged"], end["improved"], end["balanced"], end["too_slow"]) == (9, 1, 8, True, 1)
    made = corpus.with_name("c.boosted.jsonl").read_bytes().splitlines(keepends=True)
    assert made[4] == lines[4]
    assert len(made) == 9
    db = corpus.with_name("c.boosted.jsonl.audit.db")
    assert ask(db, "SELECT reason FROM decisions WHERE reason = 'too-slow'") == [("too-slow",)]
    assert (sentence,) in ask(db, "SELECT message FROM run_events")
    assert "too-slow" in cli("audit", "show", "4", "--db", db).out
    assert cli("audit", "verify", "--db", db).code == 0
    checked = cli("check", corpus, "--record-seconds", "0.5")
    assert f"warning: {sentence}" in checked.err


def unzstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


@pytest.mark.parametrize(
    ("ending", "pack", "unpack"), [(".gz", gzip.compress, gzip.decompress), (".zst", zstandard.compress, unzstd)]
)
@pytest.mark.parametrize("name", ["c.jsonl", "c.json"])
def test_a_compressed_corpus_comes_back_compressed_however_it_is_made(
    cli: Callable[..., Any],
    corpus: Path,
    name: str,
    ending: str,
    pack: Callable[[bytes], bytes],
    unpack: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In one go, resumed after it was broken off, and when its edits are undone; rejected lines lie beside it
    as they are."""
    plain = b"not JSON\n" + corpus.read_bytes()
    if name == "c.json":
        plain = b"[" + corpus.read_bytes().strip().replace(b"\n", b",\n") + b"]"
    path = corpus.with_name(name + ending)
    path.write_bytes(pack(plain))
    expected = plain.removeprefix(b"not JSON\n").replace(b"&amp;", b"&")
    made = corpus.with_name(name.replace("c.", "c.boosted.") + ending)
    assert cli("run", path, "--quiet").code == 0
    assert unpack(made.read_bytes()) == expected
    first = made.read_bytes()
    made.unlink()
    made.with_name(made.name + ".audit.db").unlink()
    made.with_name(made.name + ".rejected.jsonl").unlink(missing_ok=True)

    write, batches = Runner._write, [0]

    def dying(self: Runner, *arguments: Any) -> None:
        batches[0] += 1
        if batches[0] == 3:
            raise KeyboardInterrupt
        write(self, *arguments)

    monkeypatch.setattr(Runner, "_write", dying)
    assert cli("run", path, "--quiet", "--workers", "0").code == 130
    assert not made.exists()
    monkeypatch.setattr(Runner, "_write", write)
    assert cli("run", path, "--quiet", "--workers", "0").code == 0
    assert batches[0] == 3
    assert made.read_bytes() == first
    if name == "c.jsonl":
        assert made.with_name(made.name + ".rejected.jsonl").read_bytes().count(b"not JSON") == 1
    left = {file.name for file in corpus.parent.iterdir() if file.name.startswith("c.boosted")}
    assert not [file for file in left if file.endswith((".partial", ".temporary"))]

    undone = corpus.with_name("undone" + name.removeprefix("c") + ending)
    reverted = cli("revert", "--db", made.with_name(made.name + ".audit.db"), "-o", undone, "--language", "it")
    assert reverted.code == 0, reverted.err
    assert unpack(undone.read_bytes()) == plain.removeprefix(b"not JSON\n")
