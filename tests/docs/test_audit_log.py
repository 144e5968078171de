"""docs/audit-log.md: each of its twenty questions is answered by a real log, and no table or reason is left out."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_fixtures import Cli
from doc_pages import DOCS, ROOT, Block, blocks, names, section, table, text_of
from doc_shell import Shell, commands

from midb.audit.file.seals import COVERED
from midb.domain.decisions import Reason
from midb.domain.defects import FindingStatus

PAGE = DOCS / "audit-log.md"
DB = "run.audit.db"

#: Records of the example corpus: six languages are enough to be asked about.
RECORDS = 72

#: What the answer to each question must hold, on the log that `log` makes.
ANSWERS = {
    1: ("content-rewrite", "not-preferred", "invalid-json", "total       73"),
    2: ("decimal-separator", "[3.5] → [3,5]", "verified: hashes and replay agree"),
    3: ("→", "the first 5 are shown"),
    4: ("CristÃ³bal", "es-008"),
    5: ("de-011", "untranslated-text"),
    6: ("73", "1"),
    7: ("unterminated string", "invalid-json"),
    8: ("it-007", "not-preferred", "de-010", "chatter"),
    9: ("rewritten", "accepted"),
    10: ("embedded", "openai replay", "typography", "langgraph", "reverts"),
    11: ("corpus.jsonl",),
    12: ("better.jsonl",),
    13: ("is intact: every hash agrees, every edit replays", "head "),
    14: ("is intact",),
    15: ("This pass: CONTENT", "completion (stop)", "vielmehr"),
    16: ("vielmehr", "openai replay"),
    17: ("content", "verification"),
    18: ("La media es 3.5", "La media es 3,5"),
    19: ("de-007", "of the 72 records of both came out differently"),
    20: ("13 undone", "kind decimal-separator"),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, scripted: ModuleType, request: pytest.FixtureRequest) -> Path:
    """A folder with run.audit.db: a run with rules, one with a model that is right, wrong and chatty, and a revert."""
    from replay_server import ReplayServer

    def answer(messages: list[dict[str, Any]], body: dict[str, Any]) -> str:
        asked = scripted.request_of(messages, body)
        if scripted.pass_of(asked) == "verification":
            # The rewrite of de-007 is the better one, that of it-007 is not.
            a, b = scripted.versions(asked)
            better, worse = "vielmehr", "piuttosto"
            return str(
                scripted.prefer(asked, better)
                if better in a + b
                else scripted.verdict(asked, "B" if worse in a else "A")
            )
        shown = scripted.read_sections(asked)
        response = shown.get("response", "")
        if scripted.pass_of(asked) != "content":
            return str(scripted.left_alone(asked))
        if "frühes Aufstehen" in response:
            return str(scripted.reply(asked, response=f"{response} So ist es vielmehr gemeint."))
        if "chi è pigro" in response:
            return str(scripted.reply(asked, response=f"{response} O piuttosto così."))
        if "Kartoffelsuppe" in shown.get("instruction", ""):
            return "Gern! " + str(scripted.left_alone(asked))
        return str(scripted.left_alone(asked))

    folder = tmp_path_factory.mktemp("audit")
    lines = (ROOT / "examples" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()[:RECORDS]
    lines.insert(5, '{"id": "it-000", "instruction": "Dimmi')
    (folder / "corpus.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with ReplayServer(answer) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        common = ["run", "corpus.jsonl", "-o", "better.jsonl", "--db", DB, "--quiet"]
        for words in (
            common,
            [*common, "--fresh", "--model", server.spec],
            ["revert", "--kind", "altered-url", "--db", DB, "-o", "earlier.jsonl"],
        ):
            assert main(words) == 0, words
    return folder


def main(words: list[str]) -> int:
    from midb.cli.main import main as run

    return run(words)


@pytest.fixture
def shell(cli: Cli, log: Path, tmp_path: Path) -> Shell:
    """A folder with the log, as an auditor gets it."""
    for path in log.iterdir():
        shutil.copy(path, tmp_path / path.name)
    return Shell(tmp_path, cli)


def questions() -> list[tuple[int, str]]:
    """The numbers and titles of the questions."""
    return [(int(number), title) for number, title in re.findall(r"^### (\d+)\. (.+)$", text_of(PAGE), re.MULTILINE)]


def asked(number: int, title: str) -> list[Block]:
    """The blocks that answer a question."""
    told = section(PAGE, f"{number}. {title}")
    return [block for block in blocks(PAGE, "sh", "sql") if block.code in told]


def answer_to(block: Block, shell: Shell) -> str:
    """What a block prints."""
    if block.language == "sql":
        return by_sql(shell.folder / DB, block.code)
    seen = ""
    for command in commands(block.code):
        done = shell.run(command)
        assert done.code == 0, f"{block}: {command}: {done.seen}"
        seen += done.seen
    return seen


def by_sql(db: Path, query: str) -> str:
    """The rows as text."""
    connection = sqlite3.connect(db)
    try:
        return "\n".join(" | ".join(map(str, row)) for row in connection.execute(query))
    finally:
        connection.close()


def test_there_are_twenty() -> None:
    assert [number for number, _ in questions()] == list(range(1, 21))
    assert set(ANSWERS) == set(range(1, 21))


@pytest.mark.parametrize(("number", "title"), questions())
def test_question(number: int, title: str, shell: Shell) -> None:
    found = asked(number, title)
    assert found
    answer = "\n".join(answer_to(block, shell) for block in found)
    for wanted in ANSWERS[number]:
        assert wanted in answer, f"{number}. {title}: {answer}"


def test_the_ledger_of_question_6_adds_up(shell: Shell) -> None:
    (block,) = asked(6, "Does the ledger balance?")
    read, *parts = map(int, by_sql(shell.folder / DB, block.code).split(" | "))
    assert read == sum(parts) == RECORDS + 1


@pytest.mark.parametrize(("number", "file"), [(11, "corpus.jsonl"), (12, "better.jsonl")])
def test_the_hashes_agree(number: int, file: str, shell: Shell) -> None:
    """What the log says and what `sha256sum` says of the file are the same, as an auditor expects."""
    title = dict(questions())[number]
    sql, command = (answer_to(block, shell) for block in asked(number, title))
    assert sql.rpartition(" | ")[2] == command.split()[0]


def test_a_head_that_was_noted_betrays_a_log_that_was_written_anew(shell: Shell) -> None:
    (db,) = shell.folder.glob(DB)
    head = by_sql(db, "SELECT head FROM checkpoints WHERE run_id = 1")
    assert shell.run(f"midb-agent audit verify --db {DB} --head {head}").code == 0
    db.unlink()
    for output in shell.folder.glob("better.jsonl*"):
        output.unlink()
    corpus = shell.folder / "corpus.jsonl"
    corpus.write_bytes(b"".join(corpus.read_bytes().splitlines(keepends=True)[:-1]))
    assert shell.run(f"midb-agent run corpus.jsonl -o better.jsonl --db {DB} --quiet").code == 0
    assert shell.run(f"midb-agent audit verify --db {DB}").code == 0
    assert shell.run(f"midb-agent audit verify --db {DB} --head {head}").code == 1


def schema(log: Path, kind: str) -> dict[str, list[str]]:
    """Tables or views, with their columns."""
    connection = sqlite3.connect(log / DB)
    try:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite%'", [kind])
        return {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({name})")] for (name,) in found.fetchall()
        }
    finally:
        connection.close()


def test_every_table_and_column_is_explained(log: Path) -> None:
    tables = schema(log, "table")
    assert set(tables) == set(COVERED)
    for name, columns in tables.items():
        told = section(PAGE, name)
        assert set(columns) <= set(names(told)), f"{name}: {set(columns) - set(names(told))}"
        rows = [column for row in table(told) for column in names(row[0])]
        assert set(rows) <= set(columns), f"{name} has no column {set(rows) - set(columns)}"


def test_every_view_is_explained(log: Path) -> None:
    told = {names(row[0])[0] for row in table(section(PAGE, "Views"))}
    assert told == set(schema(log, "view"))


def test_every_reason_is_explained() -> None:
    told = [names(row[0])[0] for row in table(section(PAGE, "Reasons"))]
    assert sorted(told) == sorted(reason.value for reason in Reason)


def test_the_words_of_columns_are_those_of_the_program(log: Path, ask: Callable[..., Any]) -> None:
    """A word that the log holds and the page does not name would puzzle an auditor."""
    told = text_of(PAGE)
    for column, of in (
        ("status", "runs"), ("kind", "runs"), ("action", "decisions"), ("outcome", "records"), ("status", "findings"),
        ("pass", "decisions"), ("finish_reason", "generations"),
    ):  # fmt: skip
        held = {row[0] for row in ask(log / DB, f'SELECT DISTINCT "{column}" FROM {of}')}
        assert held
        assert all(f"`{word}`" in told for word in held), f"{of}.{column}: {held}"
    assert all(f"`{status}`" in told for status in FindingStatus)


def test_exports_of_the_page_run(shell: Shell) -> None:
    (block,) = [block for block in blocks(PAGE, "sh") if "audit export" in block.code]
    assert "culture" not in answer_to(block, shell)
    assert (shell.folder / "edits.csv").read_text(encoding="utf-8").startswith('"run_id"')
