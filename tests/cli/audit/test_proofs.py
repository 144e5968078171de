"""`audit verify` as people and scripts see it: the log, the files beside it, its head, the key."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from boosted_folder import CORPUS, DB, OUTPUT, REJECTED, REVERTED, run_here
from cli_fixtures import Called, Cli
from forging import forge
from log_fixtures import HOSTILE, STEERING, AuditCommand, Tamper
from rich.console import Console

from midb.audit.file.key import KEY_VARIABLE
from midb.audit.proof.difference import FileDifference
from midb.audit.proof.files import FileKind, FileProof, FileState
from midb.audit.proof.replay import Problem
from midb.audit.proof.verify import LogProof, RunProof
from midb.cli.audit.proofs import show_files, show_proof


def test_verify_names_what_was_changed_and_exits_with_1(call: AuditCommand, tampered: Tamper) -> None:
    called = call("verify", db=tampered("UPDATE edits SET after = after || '!' WHERE decision_id = 17"))
    assert called.code == 1
    assert "edits (17/0)" in called.out
    assert not STEERING.search(called.out)
    told = orjson.loads(call("verify", "--json", db=tampered("DELETE FROM records WHERE id = 5")).out)
    assert told["intact"] is False
    assert any(problem["table"] == "records" for problem in told["problems"])


def test_verify_says_what_was_proved(call: AuditCommand) -> None:
    called = call("verify")
    assert called.code == 0
    for told in ("13 records, 25 decisions, 12 edits replayed", "interrupted", "is intact"):
        assert told in called.out
    told = orjson.loads(call("verify", "--json").out)
    for head in (told["head"], told["runs"][0]["head"]):
        assert call("verify", "--head", head).code == 0
        assert call("verify", "--head", head[::-1]).code == 1


def test_many_problems_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    problems = [Problem("decisions", str(n), "de-1", "it was changed") for n in range(3)]
    proof = LogProof(problems=problems, problem_count=7)
    out = printed(lambda console: show_proof(console, tmp_path / "x.audit.db", proof))
    assert out.count("CHANGED  decisions") == 3
    assert "… and 4 more\n" in out
    assert "x.audit.db was changed: 7 things do not agree\n" in out


def printed(show: Callable[[Console], None]) -> str:
    """What is printed into a file."""
    stream = io.StringIO()
    show(Console(file=stream, width=10_000, highlight=False, markup=False))
    return stream.getvalue()


def test_an_unfinished_run_is_proved_up_to_its_checkpoint(tmp_path: Path) -> None:
    runs = [RunProof(1, "run", status, 2, 3, 4, 5, 6, "ab" * 32) for status in ("finished", "superseded", "running")]
    lines = printed(lambda console: show_proof(console, tmp_path, LogProof(runs=runs))).splitlines()
    assert [line.endswith("running: proved up to its checkpoint") for line in lines if line.startswith("run ")] == [
        False, False, True,
    ]  # fmt: skip
    assert lines[0] == "run 1 (run): 2 records, 3 decisions, 4 edits replayed, 5 rejected lines"
    assert lines[1] == f"  head {'ab' * 32}"


@pytest.fixture
def verify(cli: Cli, boosted_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Called]:
    """Calls `audit verify` in a folder with a run and a revert."""
    monkeypatch.chdir(boosted_folder)
    return lambda *words: cli("audit", "verify", *words)


def test_files_are_named_and_a_changed_one_is_a_failure(verify: Callable[..., Called]) -> None:
    called = verify()
    assert called.code == 0
    lines = called.out.splitlines()
    assert [line for line in lines if line.endswith("as logged")] == [
        f"corpus    {CORPUS} (runs 1, 2): as logged", f"output    {OUTPUT} (run 1): as logged",
        f"output    {REVERTED} (run 2): as logged", f"rejected lines {REJECTED} (run 1): as logged",
    ]  # fmt: skip
    path = Path(OUTPUT)
    path.write_bytes(path.read_bytes().replace(b"de-2", b"de-7"))
    called = verify()
    assert called.code == 1
    assert f"{DB} is intact" in called.out
    assert f"output    {OUTPUT} (run 1): CHANGED at record de-2 (line 3): its id or its texts" in called.out
    assert verify("--log-only").code == 0
    assert OUTPUT + " (" not in verify("--log-only").out
    told = orjson.loads(verify("--json").out)
    assert (told["intact"], told["files_as_logged"]) == (True, False)
    assert [file for file in told["files"] if file["state"] != "as logged"] == [
        {"kind": "output", "runs": [1], "path": OUTPUT, "state": "changed", "record": "de-2", "line": 3,
         "message": "its id or its texts are not those that were logged"},
    ]  # fmt: skip
    assert orjson.loads(verify("--json", "--log-only").out)["files_as_logged"] is None


def test_a_missing_file_is_said_and_no_failure_and_can_be_named(verify: Callable[..., Called], tmp_path: Path) -> None:
    Path(CORPUS).rename(tmp_path / "kept.jsonl")
    Path(OUTPUT).rename(tmp_path / "published.jsonl")
    called = verify()
    assert called.code == 0
    assert f"corpus    {CORPUS} (runs 1, 2): missing" in called.out
    assert f"output    {OUTPUT} (run 1): missing" in called.out
    moved = ("--corpus", tmp_path / "kept.jsonl", "--output", tmp_path / "published.jsonl")
    called = verify(*moved)
    assert (called.code, ": missing" in called.out) == (0, False)
    (tmp_path / "published.jsonl").write_text("{}")
    assert verify(*moved).code == 1
    assert verify("--output", "none.jsonl").code == 2
    assert verify("--output", tmp_path / "published.jsonl", "--run", 9).code == 2
    called = verify("--log-only", *moved)
    assert (called.code, "--log-only looks at no files" in called.err) == (2, True)


def test_a_log_that_cannot_be_read_on_is_changed_and_its_files_are_not_looked_at(
    call: AuditCommand, tampered: Tamper
) -> None:
    path = tampered("ALTER TABLE runs RENAME COLUMN output TO place")
    called = call("verify", db=path)
    assert (called.code, "table runs was altered" in called.out) == (1, True)
    assert orjson.loads(call("verify", "--json", db=path).out)["files"] == []


def test_a_head_noted_before_says_what_came_since(verify: Callable[..., Called], boosted_folder: Path) -> None:
    told = orjson.loads(verify("--json").out)
    assert (told["noted"], told["noted_decisions_of_run"]) == (None, None)
    assert f"head {told['head']}" in verify().out
    assert "The head you noted is the head of the log" in verify("--head", told["head"]).out
    old = told["runs"][0]["head"]
    assert "end of the decisions of run 1" in verify("--head", old).out
    assert orjson.loads(verify("--head", old, "--json").out)["noted_decisions_of_run"] == 1
    run_here(boosted_folder, fresh=True)
    called = verify("--head", told["head"])
    assert (called.code, "was made in run 2" in called.out, "added since by run 3." in called.out) == (0, True, True)
    later = orjson.loads(verify("--head", told["head"], "--json").out)
    assert later["noted"] == {"run": 2, "heads_since": 4, "runs_since": [3]}
    forge(boosted_folder / DB, "UPDATE runs SET engine = 'other' WHERE id = 1")
    assert verify().code == 0
    called = verify("--head", told["head"])
    assert (called.code, "written anew or taken away" in called.out) == (1, True)


# -- keys ----------------------------------------------------------------------------------------------------------

SECRET = "0123456789abcdef" * 4


def test_a_key_seals_a_log_and_appears_nowhere(
    cli: Cli, boosted_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(boosted_folder)
    (tmp_path / "seal.key").write_text(SECRET + "\n")
    (tmp_path / "other.key").write_text(SECRET[::-1])
    key = ("--seal-key", tmp_path / "seal.key")
    screens = [
        cli("run", CORPUS, "-o", "sealed.jsonl", *key),
        cli("run", CORPUS, "-o", "sealed.jsonl", *key, "--fresh", "--json"),
        cli("revert", "--record", "de-1", "-o", "less-sealed.jsonl", "--db", "sealed.jsonl.audit.db", *key),
        cli("audit", "verify", "--db", "sealed.jsonl.audit.db", "--key", tmp_path / "seal.key"),
    ]
    assert [screen.code for screen in screens] == [0] * 4
    assert "The head is sealed with the key that you gave." in screens[-1].out
    assert screens[1].out.count('"head": "') == 1
    for arguments, code, words in (
        (("audit", "verify"), 0, "--key FILE proves that nobody wrote in it"),
        (("audit", "verify", "--key", tmp_path / "other.key"), 1, "not sealed with this key"),
        (("audit", "verify", "--key", tmp_path / "none.key"), 2, "cannot be read: No such file"),
        (("revert", "--record", "de-3", "-o", "x.jsonl"), 2, "nothing is added to it without"),
        (("revert", "--record", "de-3", "-o", "x.jsonl", "--seal-key", tmp_path / "other.key"), 1, "another key"),
        (("run", CORPUS, "-o", "sealed.jsonl", "--fresh"), 2, "nothing is added to it without"),
    ):
        called = cli(*arguments, "--db", "sealed.jsonl.audit.db")
        assert (called.code, words in called.out + called.err) == (code, True), (arguments, called)
        screens.append(called)
    assert not Path("x.jsonl").exists()
    monkeypatch.setenv(KEY_VARIABLE, str(tmp_path / "seal.key"))
    assert cli("audit", "verify", "--db", "sealed.jsonl.audit.db").out.count("sealed with the key that you gave") == 1
    assert cli("revert", "--record", "de-3", "-o", "x.jsonl", "--db", "sealed.jsonl.audit.db").code == 0
    assert cli("audit", "verify", "--db", DB).code == 1, "that log was written without"
    for screen in screens:
        assert SECRET not in screen.out + screen.err
    for path in boosted_folder.iterdir():
        assert SECRET.encode() not in path.read_bytes()
    told = orjson.loads(cli("audit", "verify", "--db", "sealed.jsonl.audit.db", "--json").out)
    assert (told["sealed_with_key"], told["key_proved"]) == (True, True)


def test_nothing_of_a_file_reaches_the_terminal_as_it_is() -> None:
    found = FileProof(
        kind=FileKind.OUTPUT,
        runs=(1,),
        path=HOSTILE,
        state=FileState.CHANGED,
        difference=FileDifference(HOSTILE, HOSTILE, 3),
    )
    out = printed(lambda console: show_files(console, [found]))
    assert "CHANGED at record" in out
    assert not STEERING.search(out)
