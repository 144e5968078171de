"""`midb-agent run`, end to end: output, ledger, log, resuming."""

from __future__ import annotations

import dataclasses
import gzip
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from cli_fixtures import Ask, Cli, Record, Write

from midb.agent.run.runner import Runner
from midb.cli.running import EndedAtOnce, Interruption, Relay
from midb.domain.errors import MidbError
from midb.domain.events import Event, Warned
from midb.runs.writer import CorpusWriter

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "corpus.jsonl"
FIXED = "Gern:\n1. Rot.\n2. Blau.\n3. Grün.\n4. Gelb."
CLEAN = {"id": "de-2", "instruction": "Sag etwas Nettes über Hunde.", "input": "", "output": "Hunde sind treu."}


def ledger(ask: Ask, db: Path) -> dict[str, int]:
    return dict(ask(db, "SELECT outcome, count(*) FROM records GROUP BY 1"))


def test_a_run_repairs_what_can_be_proved_and_keeps_the_rest_byte_for_byte(
    cli: Cli, write: Write, ask: Ask, broken: Record
) -> None:
    untouched = (
        b'{"output" : "Hunde sind treu.",  "x": [1.0, null, {"\\u00e4": 1e5}],'
        b' "instruction":"Sag etwas \\u00fcber Hunde."}\n'
    )
    corpus = write("c.jsonl", broken, untouched)
    called = cli("run", corpus, "--language", "de")
    assert called.code == 0, called.err
    lines = (corpus.parent / "c.boosted.jsonl").read_bytes().splitlines(keepends=True)
    assert json.loads(lines[0]) == broken | {"output": FIXED}
    assert lines[1] == untouched
    db = corpus.parent / "c.boosted.jsonl.audit.db"
    assert ledger(ask, db) == {"improved": 1, "unchanged": 1}
    assert ask(db, "SELECT status FROM runs") == [("finished",)]
    assert ask(db, "SELECT kind, before, after FROM edits") == [("broken-numbering", "2", "3")]
    assert sorted(path.name for path in corpus.parent.iterdir()) == [
        "c.boosted.jsonl", "c.boosted.jsonl.audit.db", "c.jsonl",
    ]  # fmt: skip
    assert "ledger balances" in called.err
    assert called.out == ""


def test_key_order_escaping_and_unknown_fields_survive_in_a_changed_record(cli: Cli, write: Write) -> None:
    body = (
        b'{"meta": {"a": 1.50, "b": "\\/"}, "output": "Gr\\u00fcn\\/Blau:\\n1. Rot.\\n2. Blau.\\n2. Grau.\\n4. Gelb.",'
        b' "instruction": "Nenne vier Dinge.", "z": 12345678901234567890123}\n'
    )
    corpus = write("c.jsonl", body)
    assert cli("run", corpus, "--language", "de").code == 0
    assert (corpus.parent / "c.boosted.jsonl").read_bytes() == body.replace(b"2. Grau", b"3. Grau")


@pytest.mark.parametrize(
    ("name", "pack", "unpack"),
    [
        ("c.jsonl.gz", gzip.compress, gzip.decompress),
        ("c.jsonl.zst", zstandard.compress, lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data)),
    ],
)
def test_compressed_corpora_come_back_compressed(
    cli: Cli,
    write: Write,
    broken: Record,
    name: str,
    pack: Callable[[bytes], bytes],
    unpack: Callable[[bytes], bytes],
) -> None:
    plain = write("plain", broken, CLEAN).read_bytes()
    corpus = write(name, pack(plain))
    assert cli("run", corpus, "--language", "de").code == 0
    boosted = corpus.with_name(name.replace("c.", "c.boosted."))
    assert unpack(boosted.read_bytes()) == plain.replace(b"2. Gr", b"3. Gr")
    assert not list(corpus.parent.glob("*.partial"))


@pytest.mark.parametrize(
    ("layout", "record", "path"),
    [
        ("prompt/response", {"prompt": "P", "response": None}, ["response"]),
        ("OpenAI messages", {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"},
                             {"role": "assistant", "content": None}]}, ["messages", 2, "content"]),
        ("ShareGPT", {"conversations": [{"from": "human", "value": "P"}, {"from": "gpt", "value": None}]},
         ["conversations", 1, "value"]),
        ("MEB", {"Raw Instruction": "P", "Raw Input": "", "Raw Response": None, "Revised Response": "R"},
         ["Raw Response"]),
    ],
)  # fmt: skip
def test_layouts_are_found_out_and_written_back(
    cli: Cli, write: Write, broken: Record, layout: str, record: Record, path: list[str | int]
) -> None:
    def put(text: str) -> Record:
        copy: Record = json.loads(json.dumps(record).replace('"P"', json.dumps(broken["instruction"])))
        at: Any = copy
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = text
        return copy

    corpus = write("c.json", json.dumps([put(broken["output"]), put("Hunde sind treu.")], indent=1).encode())
    called = cli("run", corpus, "--language", "de")
    assert called.code == 0, called.err
    assert layout in called.err
    boosted = corpus.with_name("c.boosted.json").read_bytes()
    assert boosted == corpus.read_bytes().replace(b"2. Gr", b"3. Gr")


@pytest.mark.parametrize(
    "lost",
    [
        {"message_id": "m", "parent_id": None, "text": "SchÃ¶n.", "role": "assistant", "lang": "de"},
        {"question_id": 1, "choices": [{"index": 0, "turns": ["SchÃ¶n."]}]},
        {"instruction": ["SchÃ¶n."], "output": 4},
        {"messages": [{"role": "system", "content": "SchÃ¶n."}]},
        b'{"instruction": "half \\ud800", "output": "1) x 3) y"}\n',
        b"{ }\n",
    ],
    ids=str,
)
def test_a_record_without_a_pair_stays_in_the_output(
    lost: Record | bytes, cli: Cli, write: Write, ask: Ask, broken: Record, tmp_path: Path
) -> None:
    write("c.jsonl", broken, lost, CLEAN, b"oops\n")
    called = cli("run", "c.jsonl", "--language", "de")
    assert called.code == 0
    assert "25.0% of a sample is not examined and stays as it is" in called.err + called.out
    assert "4 read = 2 unchanged + 1 improved + 0 reverted + 1 rejected" in called.out + called.err
    read, written = ((tmp_path / name).read_bytes().splitlines() for name in ("c.jsonl", "c.boosted.jsonl"))
    assert written[1:] == read[1:3]
    db = tmp_path / "c.boosted.jsonl.audit.db"
    assert len(ask(db, "SELECT 1 FROM decisions WHERE reason = 'unexamined' AND detail <> ''")) == 1
    assert cli("audit", "verify").code == 0
    assert "left as they are" in cli("audit", "summary").out
    assert cli("revert", "--db", db, "-o", "back.jsonl", "--kind", "broken-numbering").code == 0
    assert (tmp_path / "back.jsonl").read_bytes().splitlines() == read[:3]
    called = cli("run", "c.jsonl", "--language", "de", "-o", "strict.jsonl", "--strict")
    assert called.code != 0
    assert "c.jsonl, line 2: " in called.err


def test_columns_of_any_name_by_map(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", {"frage": broken["instruction"], "antwort": broken["output"]})
    assert cli("run", corpus).code == 2
    assert cli("run", corpus, "--map", "instruction=frage,response=antwort", "--language", "de").code == 0
    assert json.loads((corpus.parent / "c.boosted.jsonl").read_text())["antwort"] == FIXED


def test_standard_input(cli: Cli, write: Write, broken: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = write("c.jsonl", broken)
    for expected in ("ledger balances", "finished already"):
        with corpus.open("rb") as file:
            monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": file, "isatty": lambda self: False})())
            called = cli("run", "-", "-o", "out.jsonl", "--language", "de")
        assert called.code == 0, called.err
        assert expected in called.err
    assert json.loads(Path("out.jsonl").read_text())["output"] == FIXED
    assert not list(Path().glob(".midb-stdin*"))


def test_source_in_a_file_of_its_own_by_id_and_by_line(cli: Cli, write: Write, ask: Ask) -> None:
    pair = {"instruction": "Wie weit?", "input": "", "output": "Es sind 2.5 Meter bis zur Tür."}
    english = {"instruction": "How far?", "input": "", "output": "It is 2.5 metres to the door."}
    other = {"instruction": "Who?", "input": "", "output": "Nobody at all."}
    corpus = write("ids.jsonl", {"id": "a", **pair}, CLEAN | {"id": "b"})
    write("en.jsonl", {"id": "b", **other}, {"id": "a", **english})
    assert cli("run", corpus, "--source", "en.jsonl", "--language", "de").code == 0
    assert "2,5 Meter" in Path("ids.boosted.jsonl").read_text()
    corpus = write("lines.jsonl", pair, {k: v for k, v in CLEAN.items() if k != "id"})
    write("en2.jsonl", english, other)
    assert cli("run", corpus, "--source", "en2.jsonl", "--language", "de").code == 0
    assert "2,5 Meter" in Path("lines.boosted.jsonl").read_text()


def test_finished_says_so_and_fresh_starts_anew(cli: Cli, write: Write, ask: Ask, broken: Record) -> None:
    corpus = write("c.jsonl", broken)
    assert cli("run", corpus, "--language", "de").code == 0
    output = corpus.with_name("c.boosted.jsonl")
    stamp = output.stat().st_mtime_ns
    again = cli("run", corpus, "--language", "de")
    assert again.code == 0
    assert "finished already" in again.err
    assert output.stat().st_mtime_ns == stamp
    assert cli("run", corpus, "--language", "de", "--fresh").code == 0
    db = corpus.with_name("c.boosted.jsonl.audit.db")
    assert ask(db, "SELECT id, status FROM runs") == [(1, "finished"), (2, "finished")]
    assert cli("audit", "verify", "--db", db).code == 0


def test_changed_settings_and_changed_corpus_are_noticed_and_explained(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", broken)
    assert cli("run", corpus, "--language", "de").code == 0
    called = cli("run", corpus, "--language", "de", "--kinds=-broken-numbering")
    assert called.code == 2
    assert "kinds (-broken-numbering)" in called.err
    assert "--fresh" in called.err
    called = cli("run", corpus, "--language", "de", "--typography")
    assert "typography (False before, True now)" in called.err
    write("c.jsonl", broken, CLEAN)
    called = cli("run", corpus, "--language", "de")
    assert called.code == 2
    assert "has changed since" in called.err
    assert cli("run", corpus, "--language", "de", "--fresh").code == 0


def test_limit(cli: Cli, write: Write, ask: Ask, broken: Record) -> None:
    corpus = write("c.json", json.dumps([broken, CLEAN, CLEAN]).encode())
    assert cli("run", corpus, "--language", "de", "--limit", 2).code == 0
    assert len(json.loads(corpus.with_name("c.boosted.json").read_text())) == 2


LIMITED = ["c.jsonl", "c.jsonl.gz", "c.json", "c.parquet"]


def limited_corpus(folder: Path, name: str, count: int, broken: Record) -> Path:
    """A corpus of a format, of which every second record has something to repair."""
    records = [(broken if n % 2 else CLEAN) | {"id": f"de-{n}"} for n in range(count)]
    path = folder / name
    lines = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    if name.endswith(".parquet"):
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(records), path)
    else:
        made = json.dumps(records).encode() if name.endswith(".json") else lines
        path.write_bytes(gzip.compress(made, mtime=0) if name.endswith(".gz") else made)
    return path


@pytest.mark.parametrize("name", LIMITED)
def test_a_higher_limit_goes_on_in_every_format(
    name: str, cli: Cli, ask: Ask, broken: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 4)
    limited_corpus(tmp_path, name, 30, broken)
    run, db = ("run", name, "--language", "de", "-o", "out", "--workers", 0), tmp_path / "out.audit.db"
    assert cli(*run, "--limit", 10).code == 0
    head = cli("audit", "verify", "--json").out
    first = (tmp_path / "out").read_bytes()
    commits = iter(range(100))
    commit = CorpusWriter.commit

    def dying(self: CorpusWriter, *events: object) -> object:
        if next(commits) == 4:  # behind the records that are taken over
            raise MidbError("the plug is pulled.")
        return commit(self, *events)  # type: ignore[arg-type]

    monkeypatch.setattr(CorpusWriter, "commit", dying)
    assert cli(*run, "--limit", 24).code != 0
    assert (tmp_path / "out").read_bytes() == first, "what was finished stays until there is more"
    monkeypatch.setattr(CorpusWriter, "commit", commit)
    resumed = cli(*run, "--limit", 24)
    assert resumed.code == 0, resumed.err
    assert "24 read = 12 unchanged + 12 improved" in resumed.err
    assert cli(*run).code == 0
    assert cli("run", name, "--language", "de", "-o", "alone").code == 0
    assert (tmp_path / "out").read_bytes() == (tmp_path / "alone").read_bytes()
    assert ask(db, "SELECT id, parent_run, status FROM runs") == [
        (1, None, "finished"), (2, 1, "finished"), (3, 2, "finished"),
    ]  # fmt: skip
    assert ask(db, "SELECT run_id, level, message FROM run_events ORDER BY id") == [
        (2, "info", "the first 10 records were examined in run 1; what was decided is taken over"),
        (3, "info", "the first 24 records were examined in run 2; what was decided is taken over"),
    ]
    verified = cli("audit", "verify", "--db", db, "--head", json.loads(head)["head"])
    assert verified.code == 0, verified.out
    summary = json.loads(cli("audit", "summary", "--db", db, "--json").out)
    assert sum(row[2] for row in summary["ledger"]) == 30
    assert cli("revert", "--db", db, "--kind", "broken-numbering", "-o", "back").code == 0


def test_the_same_limit_again_is_finished_and_a_lower_one_refused(cli: Cli, broken: Record, tmp_path: Path) -> None:
    limited_corpus(tmp_path, "c.jsonl", 8, broken)
    run = ("run", "c.jsonl", "--language", "de", "-o", "out.jsonl")
    assert cli(*run, "--limit", 6, "--workers", 2).code == 0
    assert "is finished already (6 records)" in cli(*run, "--limit", 6).err
    lower = cli(*run, "--limit", 5)
    assert (lower.code, "--limit 5 is less than what is done already: 6 of the records." in lower.err) == (2, True)
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 6
    more = cli(*run, "--limit", 7)
    assert "the first 6 records were examined with another limit; what was decided is taken over" in more.err
    assert cli(*run, "--limit", 5, "--fresh").code == 0
    assert len((tmp_path / "out.jsonl").read_bytes().splitlines()) == 5


def test_kinds_and_passes_can_be_chosen(cli: Cli, write: Write, broken: Record) -> None:
    corpus = write("c.jsonl", broken)
    for number, option in enumerate(("--kinds=-broken-numbering", "--passes=translation,localization")):
        assert cli("run", corpus, "--language", "de", option, "-o", f"{number}.jsonl").code == 0
        assert Path(f"{number}.jsonl").read_bytes() == corpus.read_bytes()


def test_typography_only_on_request(cli: Cli, write: Write) -> None:
    corpus = write(
        "c.jsonl", {"instruction": "Was rief er da?", "input": "", "output": 'Er rief "Halt" und lief davon.'}
    )
    assert cli("run", corpus, "--language", "de", "-o", "plain.jsonl").code == 0
    assert Path("plain.jsonl").read_bytes() == corpus.read_bytes()
    assert cli("run", corpus, "--language", "de", "--typography", "-o", "print.jsonl").code == 0
    assert "„Halt“" in Path("print.jsonl").read_text()


def test_events_as_json(cli: Cli, write: Write, broken: Record) -> None:
    called = cli("run", write("c.jsonl", broken, b"oops\n"), "--language", "de", "--json")
    assert called.code == 0
    events = [json.loads(line) for line in called.out.splitlines()]
    assert [event["event"] for event in events] == ["plan", "rejected", "batch", "end"]


def test_quiet(cli: Cli, write: Write, broken: Record) -> None:
    called = cli("run", write("c.jsonl", broken), "--language", "de", "--quiet")
    assert (called.code, called.out, called.err) == (0, "", "")


def test_config_file(cli: Cli, write: Write, broken: Record, tmp_path: Path) -> None:
    write("c.jsonl", broken)
    (tmp_path / "run.toml").write_text('corpus = "c.jsonl"\nlanguage = "de"\nkinds = ["-broken-numbering"]\n')
    assert cli("run", "--config", "run.toml").code == 0
    assert (tmp_path / "c.boosted.jsonl").read_bytes() == (tmp_path / "c.jsonl").read_bytes()


def test_parquet(cli: Cli, broken: Record, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"n": [1, 2], "instruction": [broken["instruction"], CLEAN["instruction"]],
                      "output": [broken["output"], CLEAN["output"]]})  # fmt: skip
    pq.write_table(table, tmp_path / "c.parquet")
    assert cli("run", "c.parquet", "--language", "de").code == 0
    boosted = pq.read_table(tmp_path / "c.boosted.parquet")
    assert boosted.schema.equals(table.schema)
    assert boosted.to_pylist() == [{**table.to_pylist()[0], "output": FIXED}, table.to_pylist()[1]]


def test_conversations_with_several_turns(cli: Cli, write: Write, ask: Ask, broken: Record) -> None:
    turns = [
        {"role": "user", "content": "Hallo du da, wie geht es?"}, {"role": "assistant", "content": "Danke, sehr gut."},
        {"role": "user", "content": broken["instruction"]}, {"role": "assistant", "content": broken["output"]},
    ]  # fmt: skip
    corpus = write("c.jsonl", {"messages": turns})
    assert cli("run", corpus, "--language", "de").code == 0
    db = corpus.with_name("c.boosted.jsonl.audit.db")
    assert ask(db, "SELECT pair, pass, action FROM decisions") == [
        (0, "route", "skipped"), (1, "content", "applied"), (1, "verification", "applied"),
    ]  # fmt: skip
    assert json.loads(corpus.with_name("c.boosted.jsonl").read_text())["messages"][3]["content"] == FIXED


def test_workers_and_this_process_write_the_same(
    cli: Cli, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 8)  # more batches than fit the share of two processes
    write("c.jsonl", EXAMPLES.read_bytes())
    outputs = set()
    for workers in (0, 1, 2):
        assert cli("run", "c.jsonl", "--workers", workers, "-o", f"{workers}.jsonl").code == 0
        outputs.add((tmp_path / f"{workers}.jsonl").read_bytes())
    assert len(outputs) == 1


def test_output_of_a_run_is_not_examined_again_into_something_else(cli: Cli, tmp_path: Path) -> None:
    """Boosting a boosted corpus changes nothing: every repair is idempotent."""
    (tmp_path / "c.jsonl").write_bytes(EXAMPLES.read_bytes())
    for first, second in (("c", "once"), ("once", "twice")):
        assert cli("run", f"{first}.jsonl", "-o", f"{second}.jsonl", "--typography").code == 0
    assert (tmp_path / "twice.jsonl").read_bytes() == (tmp_path / "once.jsonl").read_bytes()


# -- the parts of the command ------------------------------------------------------------------------------------------


@pytest.fixture
def said() -> list[Event]:
    return []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_first_signal_drains_and_a_second_ends(said: list[Event], number: signal.Signals, code: int) -> None:
    interruption = Interruption(said.append)
    with pytest.raises(EndedAtOnce) as ended, interruption.listening():
        assert (interruption(), interruption.exit_code) == (False, 130)
        signal.raise_signal(number)
        assert said == [], "nothing is said from within the handler"
        assert (interruption(), interruption(), interruption.exit_code) == (True, True, code)
        (warned,) = said
        assert isinstance(warned, Warned)
        assert warned.message.startswith("stopping: ")
        try:
            signal.raise_signal(number)
        except Exception:
            raise AssertionError("whoever catches what goes wrong must not catch this") from None
    assert ended.value.exit_code == code


def test_signals_are_the_program_s_again_behind_the_run(said: list[Event]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with pytest.raises(RuntimeError), Interruption(said.append).listening():
        raise RuntimeError
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_what_an_engine_warns_of_before_the_run_is_kept_for_it() -> None:
    relay, heard = Relay(), list[str]()
    relay("while it was made")
    relay.connect(heard.append)
    relay("while it ran")
    assert heard == ["while it was made", "while it ran"]


def test_a_terminal_is_no_corpus(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    called = cli("run", "-", "--language", "de")
    assert called.code == 1
    assert called.err.startswith("error: standard input is a terminal.\n       Pipe a corpus in")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_at_once_has_the_exit_code_of_the_signal_too(
    cli: Cli, write: Write, broken: Record, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)
    corpus = write("c.jsonl", *(broken | {"id": f"de-{n}"} for n in range(40)))  # two batches
    commit = CorpusWriter.commit

    def interrupting(self: CorpusWriter, *events: object) -> object:
        signal.raise_signal(number)
        signal.raise_signal(number)
        return commit(self)

    monkeypatch.setattr(CorpusWriter, "commit", interrupting)
    called = cli("run", corpus, "--language", "de")
    assert called.code == code
    assert called.err.endswith("error: interrupted.\n       The same command goes on where the run was.\n")
    monkeypatch.setattr(CorpusWriter, "commit", commit)
    resumed = cli("run", corpus, "--language", "de")
    assert resumed.code == 0
    assert "40 read" in resumed.err


def test_an_interrupted_run_has_the_exit_code_of_its_signal(
    cli: Cli, write: Write, broken: Record, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("midb.agent.run.batches.BATCH", 32)
    corpus = write("c.jsonl", *(broken | {"id": f"de-{n}"} for n in range(40)))  # two batches
    commit = CorpusWriter.commit

    def interrupting(self: CorpusWriter, *events: object) -> object:
        signal.raise_signal(signal.SIGTERM)
        monkeypatch.setattr(CorpusWriter, "commit", commit)
        return self.commit()

    monkeypatch.setattr(CorpusWriter, "commit", interrupting)
    called = cli("run", corpus, "--language", "de")
    assert called.code == 143
    assert "stopping: " in called.err
    assert f"midb-agent run {corpus} --language de" in called.err.replace("\n", "")
    assert ask(corpus.with_name("c.boosted.jsonl.audit.db"), "SELECT status FROM runs") == [("interrupted",)]
    assert cli("run", corpus, "--language", "de").code == 0


def test_a_ledger_that_does_not_balance_is_a_failure(
    cli: Cli, write: Write, broken: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Runner.run
    monkeypatch.setattr(Runner, "run", lambda self: dataclasses.replace(run(self), balanced=False))
    assert cli("run", write("c.jsonl", broken), "--language", "de").code == 1
