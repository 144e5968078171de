"""`midb-agent split` and `merge`: shards run apart give what one run gives, or a sentence that says why not."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import signal
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import scripted
import zstandard
from cli_fixtures import Ask, Cli, Record, Write
from replay_server import Body, ChatMessage, ReplayServers
from same_runs import check_same

from midb.audit.log import AuditLog
from midb.audit.proof.verify import verify
from midb.corpus import output
from midb.runs import writer
from midb.shards import merge as merging
from midb.shards.split import shard_of_key

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "corpus.jsonl"


def sharded(cli: Cli, corpus: Path, shards: int, *options: object, source: Path | None = None) -> list[Path]:
    """Split and run every shard; the logs."""
    called = cli("split", corpus, "--shards", shards, *(["--source", source] if source else []))
    assert called.code == 0, called.err
    logs = []
    for path in sorted(corpus.parent.glob(f"{corpus.name.partition('.')[0]}.shard-*-of-{shards}.*")):
        if "boosted" in path.name:
            continue
        beside = [f"--source={path.with_name(path.name.replace(corpus.stem, source.stem, 1))}"] if source else []
        ran = cli("run", path, "--quiet", *options, *beside)
        assert ran.code == 0, ran.err
        (log,) = corpus.parent.glob(f"{path.name.partition('.')[0]}.{path.name.split('.')[1]}.boosted*.audit.db")
        logs.append(log)
    return logs


def single_and_merged(cli: Cli, corpus: Path, shards: int, *options: object) -> tuple[Path, Path]:
    suffix = corpus.name.partition(".")[2]
    logs = sharded(cli, corpus, shards, *options)
    assert cli("run", corpus, "-o", f"single.{suffix}", "--quiet", *options).code == 0
    called = cli("merge", corpus, *reversed(logs), "-o", f"merged.{suffix}")
    assert called.code == 0, called.err
    return corpus.with_name(f"single.{suffix}"), corpus.with_name(f"merged.{suffix}")


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    return Path(shutil.copy(EXAMPLES, tmp_path / "c.jsonl"))


@pytest.fixture
def halves(cli: Cli, write: Write, broken: Record) -> tuple[Path, list[Path]]:
    """A small corpus, run in two shards."""
    corpus = write("c.jsonl", *(broken | {"id": f"de-{number}"} for number in range(8)), b"oops\n")
    return corpus, sharded(cli, corpus, 2, "--language", "de")


def test_the_examples_in_three_shards_are_what_one_run_gives(cli: Cli, examples: Path) -> None:
    single, merged = single_and_merged(cli, examples, 3)
    check_same(single, merged)
    db = "merged.jsonl.audit.db"
    shown = [cli("audit", "show", "es-008", "--db", log).out for log in (db, "single.jsonl.audit.db")]
    assert "3,5" in shown[0]
    # Where the log is, and when the run was, is all that differs.
    whole, alone = (re.sub(r"(merged|single)\.jsonl\.audit\.db|20\d\d-\S+", "X", text) for text in shown)
    assert whole == alone
    for words in (["summary"], ["find", "--kind", "mojibake"], ["diff"], ["verify"], ["export"]):
        assert cli("audit", *words, "--db", db).code == 0
    assert "shard 3 of 3 merged from c.shard-3-of-3.boosted.jsonl.audit.db" in cli("audit", "summary", "--db", db).out
    again = cli("run", examples, "-o", "merged.jsonl")
    assert "finished already" in again.err


def test_a_merged_log_is_sealed_with_the_key_that_is_given(
    cli: Cli, halves: tuple[Path, list[Path]], tmp_path: Path
) -> None:
    corpus, logs = halves
    key = tmp_path / "seal.key"
    key.write_bytes(b"k" * 32)
    words = ("merge", corpus, *logs, "-o", "merged.jsonl")
    assert cli(*words, "--seal-key", key).code == 0
    assert cli("audit", "verify", "--db", "merged.jsonl.audit.db", "--key", key).code == 0
    assert "is merged already" in cli(*words, "--seal-key", key).err


def test_it_can_be_reverted_like_a_single_run(cli: Cli, examples: Path) -> None:
    for path in single_and_merged(cli, examples, 2):
        called = cli("revert", "--db", f"{path}.audit.db", "--kind", "decimal-separator", "-o", f"{path.stem}.back")
        assert called.code == 0, called.err
    assert Path("merged.back").read_bytes() == Path("single.back").read_bytes()
    assert Path("merged.back").read_bytes() != Path("merged.jsonl").read_bytes()
    assert cli("audit", "verify", "--db", "merged.jsonl.audit.db").code == 0


def test_real_corpora_in_shards_are_what_one_run_gives(cli: Cli, corpora: list[Path], tmp_path: Path) -> None:
    lines = [line for path in corpora for line in path.read_bytes().splitlines()[:24]][:300]
    (tmp_path / "c.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    check_same(*single_and_merged(cli, tmp_path / "c.jsonl", 4))


@pytest.mark.parametrize("name", ["c.json", "c.jsonl.gz", "c.jsonl.zst"])
def test_every_format(cli: Cli, name: str, tmp_path: Path) -> None:
    lines = EXAMPLES.read_bytes().splitlines()[::6]
    lines.insert(5, b'{"id": "broken"}')
    content = b"[\n " + b",\n ".join(lines) + b"\n]\n" if name == "c.json" else b"\n".join(lines)
    packed: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstandard.compress}
    content = packed.get(name.rpartition(".")[2], bytes)(content)
    (tmp_path / name).write_bytes(content)
    check_same(*single_and_merged(cli, tmp_path / name, 3))


def test_parquet(cli: Cli, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    records = [json.loads(line) for line in EXAMPLES.read_bytes().splitlines()[::6]]
    columns = {name: [record.get(name) for record in records] for name in ("id", "lang", "instruction", "output")}
    columns["instruction"][3] = None
    pq.write_table(pa.table(columns | {"n": list(range(len(records)))}), tmp_path / "c.parquet")
    single, merged = single_and_merged(cli, tmp_path / "c.parquet", 2)
    check_same(single, merged)
    assert pq.read_table(merged).num_rows == len(records)


def test_sources_in_files_of_their_own_by_line_and_by_id(cli: Cli, write: Write) -> None:
    pairs = [{"instruction": f"Wie weit ist es zu Tür {n}?", "input": "", "output": f"Es sind {n}.5 Meter bis dort."}
             for n in range(12)]  # fmt: skip
    english = [{"instruction": f"How far is door {n}?", "input": "", "output": f"It is {n}.5 metres."}
               for n in range(12)]  # fmt: skip
    corpus, source = write("c.jsonl", *pairs), write("en.jsonl", *english)
    options = ("--language", "de")
    logs = sharded(cli, corpus, 2, *options, source=source)
    assert cli("run", corpus, "--source", source, "-o", "single.jsonl", "--quiet", *options).code == 0
    called = cli("merge", corpus, *logs, "-o", "merged.jsonl")
    assert called.code == 1
    assert "a source of its own" in called.err
    wrong = write("wrong.jsonl", *english[:-1], english[0])
    assert "is no part of wrong.jsonl" in cli("merge", corpus, *logs, "-o", "merged.jsonl", "--source", wrong.name).err
    longer = write("longer.jsonl", *english, english[0])
    assert "has more records than" in cli("merge", corpus, *logs, "-o", "merged.jsonl", "--source", longer).err
    assert cli("merge", corpus, *logs, "-o", "merged.jsonl", "--source", source).code == 0
    check_same(Path("single.jsonl"), Path("merged.jsonl"))
    assert "7,5 Meter" in Path("merged.jsonl").read_text()

    corpus = write("ids.jsonl", *({"id": n} | pair for n, pair in enumerate(pairs)))
    whole = write("en-ids.jsonl", *({"id": n} | pair for n, pair in reversed(list(enumerate(english)))))
    called = cli("split", corpus, "--shards", 2, "--source", whole)
    assert "aligned by id: give it to every run as it is" in called.err
    logs = sharded(cli, corpus, 2, *options, "--source", whole)
    assert cli("merge", corpus, *logs, "-o", "by-id.jsonl").code == 0
    assert "7,5 Meter" in Path("by-id.jsonl").read_text()


def test_a_shard_without_records_needs_no_log(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", broken)
    logs = sharded(cli, corpus, 3, "--language", "de")
    assert len(logs) == 1
    assert cli("merge", corpus, *logs, "-o", "out.jsonl").code == 0


def test_shards_that_were_renamed_are_known_by_their_keys(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", *(broken | {"id": f"de-{number}"} for number in range(8)))
    assert cli("split", corpus, "--shards", 2).code == 0
    for number, name in ((1, "b"), (2, "a")):
        Path(f"c.shard-{number}-of-2.jsonl").rename(f"{name}.jsonl")
        assert cli("run", f"{name}.jsonl", "--language", "de", "--quiet").code == 0
    called = cli("merge", corpus, "a.boosted.jsonl.audit.db", "b.boosted.jsonl.audit.db", "-o", "out.jsonl")
    assert called.code == 0, called.err
    corpus = write("d.jsonl", *({**broken, "id": None, "n": number} for number in range(8)))
    assert cli("run", corpus, "--language", "de", "--quiet").code == 0
    called = cli("merge", corpus, "d.boosted.jsonl.audit.db", "-o", "out2.jsonl")
    assert called.code == 1
    assert "does not say which shard it is of" in called.err


def test_logs_and_outputs_gathered_in_one_folder(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", *(broken | {"id": f"de-{number}"} for number in range(8)))
    assert cli("split", corpus, "--shards", 2).code == 0
    Path("all").mkdir()
    logs = []
    for number in (1, 2):
        folder = Path(f"machine-{number}/out")
        folder.mkdir(parents=True)
        name, db = f"c.shard-{number}-of-2.jsonl", f"machine-{number}/{number}.db"
        assert cli("run", name, "--language", "de", "--quiet", "-o", folder / name, "--db", db).code == 0
        logs.append(Path(db).rename(f"all/{number}.db"))
        (folder / name).rename(f"all/{name}")
    called = cli("merge", corpus, *logs, "-o", "out.jsonl")
    assert called.code == 0, called.err


def spoil_missing(corpus: Path, logs: list[Path]) -> list[Path]:
    return logs[1:]


def spoil_named_twice(corpus: Path, logs: list[Path]) -> list[Path]:
    return [*logs, logs[0]]


def spoil_copied(corpus: Path, logs: list[Path]) -> list[Path]:
    return [*logs, Path(shutil.copy(logs[0], "copy.audit.db"))]


def spoil_no_log(corpus: Path, logs: list[Path]) -> list[Path]:
    return [corpus, *logs]


def spoil_no_file(corpus: Path, logs: list[Path]) -> list[Path]:
    return [Path("absent.db"), *logs]


def set_status(log: Path, status: str) -> None:
    with AuditLog(log) as opened:
        run = opened.latest_run()
        assert run is not None
        opened.set_status(run, status)


def spoil_unfinished(corpus: Path, logs: list[Path]) -> list[Path]:
    set_status(logs[1], "interrupted")
    return logs


def spoil_tampered(corpus: Path, logs: list[Path]) -> list[Path]:
    with closing(sqlite3.connect(logs[0])) as connection, connection:
        connection.execute("UPDATE edits SET after = '4' WHERE after = '3'")
    connection.close()
    return logs


def spoil_output(corpus: Path, logs: list[Path]) -> list[Path]:
    path = Path("c.shard-2-of-2.boosted.jsonl")
    path.write_bytes(path.read_bytes().replace(b"Rot", b"Rosa", 1))
    return logs


def spoil_output_gone(corpus: Path, logs: list[Path]) -> list[Path]:
    Path("c.shard-2-of-2.boosted.jsonl").unlink()
    return logs


def spoil_text(corpus: Path, logs: list[Path]) -> list[Path]:
    corpus.write_bytes(corpus.read_bytes().replace("Grün".encode(), b"Grau", 1))
    return logs


def spoil_other_field(corpus: Path, logs: list[Path]) -> list[Path]:
    corpus.write_bytes(corpus.read_bytes().replace(b'"input": ""', b'"input":  ""', 1))
    return logs


def spoil_longer(corpus: Path, logs: list[Path]) -> list[Path]:
    corpus.write_bytes(corpus.read_bytes() + corpus.read_bytes().splitlines(keepends=True)[0])
    return logs


def spoil_shorter(corpus: Path, logs: list[Path]) -> list[Path]:
    corpus.write_bytes(b"".join(corpus.read_bytes().splitlines(keepends=True)[:-3]))
    return logs


def spoil_order(corpus: Path, logs: list[Path]) -> list[Path]:
    corpus.write_bytes(b"".join(reversed(corpus.read_bytes().splitlines(keepends=True))))
    return logs


def spoil_rejected(corpus: Path, logs: list[Path]) -> list[Path]:
    other = next(word for number in range(99) if (word := f"other{number}") and same_shard(word))
    corpus.write_bytes(corpus.read_bytes().replace(b"oops", other.encode()))
    return logs


def same_shard(word: str) -> bool:
    return shard_of_key(word, 2) == shard_of_key("oops", 2)  # a line goes by its bytes as a key does


@pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        (spoil_missing, 1, "shard 1 of 2 is missing: line "),
        (spoil_named_twice, 1, "is named twice"),
        (spoil_copied, 1, "shard 1 of 2 is there twice: "),
        (spoil_no_log, 1, "c.jsonl is not an SQLite file"),
        (spoil_no_file, 1, "there is no audit log absent.db"),
        (spoil_unfinished, 1, "c.shard-2-of-2.boosted.jsonl.audit.db is not finished (interrupted)"),
        (spoil_tampered, 1, "c.shard-1-of-2.boosted.jsonl.audit.db was changed: decisions"),
        (spoil_output, 1, "c.shard-2-of-2.boosted.jsonl was changed since its run ended"),
        (spoil_output_gone, 1, "the output of shard 2 of 2 is not at "),
        (spoil_text, 1, "is not what shard "),
        (spoil_other_field, 1, "is not what shard "),
        (spoil_longer, 1, "was not in shard "),
        (spoil_shorter, 1, "of which the corpus has only "),
        (spoil_order, 1, "is not what shard "),
        (spoil_rejected, 1, "line 9 of the corpus is not what shard "),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_whatever_does_not_fit_is_said_in_a_sentence_and_nothing_is_written(
    cli: Cli,
    halves: tuple[Path, list[Path]],
    spoil: Callable[[Path, list[Path]], Sequence[Path]],
    code: int,
    sentence: str,
) -> None:
    corpus, logs = halves
    given = spoil(corpus, [Path(log.name) for log in logs])
    before = sorted(Path().iterdir())
    called = cli("merge", "c.jsonl", *given, "-o", "out.jsonl")
    assert called.code == code, called.err
    assert f"error: {sentence}" in called.err or sentence in called.err.replace("\n       ", " ")
    assert len([line for line in called.err.splitlines() if not line.startswith(("checking ", "reading "))]) == 2
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--kinds=-broken-numbering"], "had other settings: kinds (-broken-numbering)"),
        (["--typography"], "had other settings: "),
        (["--limit", "1"], "stopped early (--limit 1)"),
    ],
)
def test_runs_with_other_settings(cli: Cli, halves: tuple[Path, list[Path]], options: list[str], sentence: str) -> None:
    corpus, logs = halves
    assert cli("run", "c.shard-2-of-2.jsonl", "--language", "de", "--fresh", "--quiet", *options).code == 0
    called = cli("merge", corpus, *logs, "-o", "out.jsonl")
    assert called.code == 1
    assert sentence in called.err
    assert not Path("out.jsonl").exists()


def test_shards_of_two_splits(cli: Cli, halves: tuple[Path, list[Path]]) -> None:
    corpus, logs = halves
    others = sharded(cli, corpus, 3, "--language", "de")
    called = cli("merge", corpus, logs[0], others[1], "-o", "out.jsonl")
    assert called.code == 1
    assert "of 2 shards and" in called.err


def test_nothing_that_exists_is_replaced(cli: Cli, halves: tuple[Path, list[Path]]) -> None:
    corpus, logs = halves
    for name in ("out.jsonl", "out.jsonl.audit.db", "out.jsonl.rejected.jsonl"):
        Path(name).write_bytes(b"mine")
        called = cli("merge", corpus, *logs, "-o", "out.jsonl")
        assert called.code == 2
        assert f"{name} exists" in called.err
        assert Path(name).read_bytes() == b"mine"
        Path(name).unlink()
    for arguments in (["-o", "c.jsonl"], ["-o", "out.jsonl", "--db", logs[0]], ["-o", "c.shard-1-of-2.boosted.jsonl"]):
        called = cli("merge", corpus, *logs, *arguments)
        assert called.code == 2
        assert "would overwrite what is to be merged" in called.err
    assert "the same file" in cli("merge", corpus, *logs, "-o", "x", "--db", "x").err
    assert "there is no folder" in cli("merge", corpus, *logs, "-o", "nowhere/x").err
    assert "is a folder" in cli("merge", corpus, *logs, "-o", ".").err


def test_a_finished_merge_says_so_unless_other_shards_are_meant(cli: Cli, halves: tuple[Path, list[Path]]) -> None:
    corpus, logs = halves
    assert cli("merge", corpus, *logs, "-o", "out.jsonl").code == 0
    again = cli("merge", corpus, *logs, "-o", "out.jsonl")
    assert (again.code, "merged already (9 records)" in again.err) == (0, True)
    assert cli("run", "c.shard-1-of-2.jsonl", "--language", "de", "--fresh", "--kinds=-mojibake").code == 0
    assert cli("run", "c.shard-2-of-2.jsonl", "--language", "de", "--fresh", "--kinds=-mojibake").code == 0
    called = cli("merge", corpus, *logs, "-o", "out.jsonl")
    assert (called.code, "out.jsonl exists" in called.err) == (2, True)


def test_what_the_shards_runs_told_is_kept_with_its_time(cli: Cli, write: Write, ask: Ask, broken: Record) -> None:
    corpus = write("c.jsonl", broken, broken, *(broken | {"id": f"x{number}"} for number in range(6)))
    logs = sharded(cli, corpus, 2, "--language", "de")
    told = [row for log in logs for row in ask(log, "SELECT at, level, message FROM run_events")]
    assert len(told) == 1
    assert cli("merge", corpus, *logs, "-o", "out.jsonl").code == 0
    ((at, message),) = ask(Path("out.jsonl.audit.db"), "SELECT at, message FROM run_events WHERE level = 'warning'")
    assert at == told[0][0]
    assert message == f"shard {shard_of_key('de-1', 2)} of 2: {told[0][2]}"
    notes = ask(Path("out.jsonl.audit.db"), "SELECT message FROM run_events WHERE level = 'merged'")
    for log in logs:
        ((head,),) = ask(log, "SELECT head FROM checkpoints")
        assert sum(head in note and log.name in note for (note,) in notes) == 1


def test_a_shard_that_took_its_records_for_another_language_is_told(cli: Cli, write: Write) -> None:
    german = [{"id": f"a{n}", "instruction": "Nenne bitte ein schönes Tier.", "output": "Der Hund ist ein treues Tier."}
              for n in range(40)]  # fmt: skip
    italian = {"instruction": "Dimmi il nome di un animale.", "output": "Il cane è un animale molto fedele."}
    odd = [italian | {"id": key} for key in (f"b{n}" for n in range(60)) if shard_of_key(key, 2) == 1][:8]
    german = [record for record in german if shard_of_key(str(record["id"]), 2) == 2 or record["id"] == "a0"]
    corpus = write("c.jsonl", *german, *german, *odd)
    called = cli("merge", corpus, *sharded(cli, corpus, 2), "-o", "out.jsonl")
    assert called.code == 0, called.err
    assert "in another language than a run over the whole corpus" in called.err
    assert ": it, not de" in called.err


POINTS = (
    (merging, "move_into_place"),
    (merging, "remove_database"),
    (merging, "file_sha256"),
    (writer, "file_sha256"),
    (AuditLog, "write_batch"),
    (AuditLog, "set_status"),
    (AuditLog, "begin"),
    (output.GrowingFile, "sync"),
)


def killed_at(call: int, arguments: list[str]) -> bool:
    """Run a command in a process of its own that kills itself at a call of one of POINTS; whether it got so far."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    calls = 0

    def deadly(wrapped: Callable[..., object]) -> Callable[..., object]:
        def run(*args: object, **named: object) -> object:
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return wrapped(*args, **named)

        return run

    from midb.cli.main import main

    try:
        for owner, name in POINTS:
            setattr(owner, name, deadly(getattr(owner, name)))
        main(arguments)
    finally:
        os._exit(0)


def test_kill_9_at_any_step_leaves_nothing_or_all(cli: Cli, halves: tuple[Path, list[Path]]) -> None:
    corpus, logs = halves
    assert cli("merge", corpus, *logs, "-o", "calm.jsonl").code == 0
    expected = Path("calm.jsonl").read_bytes(), Path("calm.jsonl.rejected.jsonl").read_bytes()
    command = ["merge", str(corpus), *map(str, logs), "-o", "out.jsonl"]
    call, states = 1, set()
    while killed_at(call, command):
        there = Path("out.jsonl").exists()
        if there:
            assert Path("out.jsonl").read_bytes() == expected[0]
        states.add((there, Path("out.jsonl.audit.db").exists()))
        called = cli(*command)
        assert called.code == 0, called.err
        assert (Path("out.jsonl").read_bytes(), Path("out.jsonl.rejected.jsonl").read_bytes()) == expected
        verdict = verify(Path("out.jsonl.audit.db"))
        assert verdict.intact, verdict.problems
        assert [run.status for run in verdict.runs] == ["finished"]
        left = sorted(path.name for path in Path().glob("out.jsonl*"))
        assert left == ["out.jsonl", "out.jsonl.audit.db", "out.jsonl.rejected.jsonl"]
        for name in left:
            Path(name).unlink()
        call += 1
    assert states == {(False, False), (False, True), (True, True)}
    assert call > 8


def test_shards_of_a_run_with_a_model(
    cli: Cli, replay_server: ReplayServers, write: Write, ask: Ask, broken: Record
) -> None:
    def answer(messages: list[ChatMessage], body: Body) -> str:
        request = scripted.request_of(messages, body)
        if scripted.pass_of(request) == "verification":
            return scripted.prefer(request, "vielmehr")
        response = scripted.read_sections(request).get("response", "")
        if scripted.pass_of(request) != "content" or "vielmehr" in response:
            return scripted.left_alone(request)
        return scripted.reply(request, response=f"{response} vielmehr")

    sentence = "Der Himmel ist blau, weil die Luft das blaue Licht der Sonne stärker streut als das rote Licht, sagt"
    server = replay_server(answer)
    corpus = write("c.jsonl", broken, *({"id": f"de-{n + 9}", "instruction": "Warum ist der Himmel blau?", "input": "",
                                         "output": f"{sentence} Satz {n % 5}."} for n in range(10)))  # fmt: skip
    options = ("--language", "de", "--model", server.spec)
    logs = sharded(cli, corpus, 2, *options)
    assert cli("run", corpus, "-o", "single.jsonl", "--quiet", *options).code == 0
    called = cli("merge", corpus, *logs, "-o", "merged.jsonl")
    assert called.code == 0, called.err
    assert Path("merged.jsonl").read_bytes() == Path("single.jsonl").read_bytes()
    assert b"vielmehr" in Path("merged.jsonl").read_bytes()
    verdict = verify(Path("merged.jsonl.audit.db"))
    assert verdict.intact, verdict.problems
    sql = (
        "SELECT r.record_key, d.pass, g.completion, g.prompt, g.sampling FROM decisions d "
        "JOIN records r ON r.id = d.record_id JOIN generations g ON g.id = d.generation_id ORDER BY 1, d.id"
    )
    told = sorted((row for log in logs for row in ask(log, sql)), key=lambda row: row[0])
    assert len(told) > 20
    assert ask(Path("merged.jsonl.audit.db"), sql) == told
    again = cli("run", corpus, "-o", "merged.jsonl", "--quiet", *options)
    assert again.code == 0, again.err
