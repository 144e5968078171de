"""What pages tell a reader to type works, and prints what they say it prints."""

from __future__ import annotations

import contextlib
import csv
import gzip
import importlib.util
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from blend_files import make_question, write_country
from cli_fixtures import Cli
from doc_pages import DOCS, PAGES, ROOT, Block, blocks
from doc_shell import Ran, Shell, commands, conversation, shows
from learned import write_set
from tiny_adapters import make_adapter
from tiny_model import make_checkpoint

#: Pages that need more than a folder with a corpus have tests of their own.
APART = {DOCS / "audit-log.md", DOCS / "commands.md", DOCS / "engine.md", ROOT / "CONTRIBUTING.md"}

#: What is typed, and the files and outputs that pages show with it.
TYPED = ("sh", "console", "python", "toml", "text")

#: Libraries whose frames may come and go, and which a machine may lack: blocks that need them are then passed over.
OPTIONAL = ("pandas", "polars", "datasets")

CORPUS = ROOT / "examples" / "corpus.jsonl"


@pytest.fixture
def shell(cli: Cli, tmp_path: Path) -> Shell:
    """A folder as a reader has it: the examples. What else a page needs, it makes itself."""
    (tmp_path / "examples").mkdir()
    shutil.copy(CORPUS, tmp_path / "examples" / "corpus.jsonl")
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    return Shell(tmp_path, cli)


def pages() -> list[Path]:
    """Pages on which something is typed."""
    return [page for page in PAGES if page not in APART and blocks(page, "sh", "console", "python")]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_page(page: Path, shell: Shell) -> None:
    """A page from top to bottom, in one folder and one session of Python; its TOML is run.toml."""
    names: dict[str, Any] = {"__name__": "__main__"}
    listed = blocks(page, *TYPED)
    if page.name == "prove.md":
        prepare_base(shell)
    done = 0
    for number, block in enumerate(listed):
        if block.reason or block.language == "text":
            continue
        done += 1
        if block.language == "toml":
            (shell.folder / "run.toml").write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            printed = run_python(block, names)
            told = output_of(block, listed[number + 1 :])
            assert told is None or printed is None or printed == told, f"{block} prints: {printed}"
        elif block.language == "sh":
            for command in commands(block.code):
                succeeded(block, shell.run(command))
        else:
            for command, shown in conversation(block.code):
                seen = succeeded(block, shell.run(command)).seen
                assert (missing := shows(shown, seen)) is None, f"{block}: {command} does not print: {missing}"
    assert done


def prepare_base(shell: Shell) -> None:
    """A model that can be trained; the test is passed over where that needs what is not here."""
    for library in ("torch", "transformers", "peft", "accelerate"):
        pytest.importorskip(library)
    make_checkpoint(shell.folder / "models" / "small")


def succeeded(block: Block, ran: Ran) -> Ran:
    """The command, which must have succeeded."""
    assert ran.code == 0, f"{block}: {ran.command}: {ran.seen}"
    return ran


def run_python(block: Block, names: dict[str, Any]) -> str | None:
    """What a block prints; ``None`` where a library is not here."""
    if any(f"import {name}" in block.code and not importlib.util.find_spec(name) for name in OPTIONAL):
        return None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.code, str(block), "exec"), names)
    return printed.getvalue()


def output_of(block: Block, behind: list[Block]) -> str | None:
    """The output that a page shows right behind a block of Python."""
    end = block.line + block.code.count("\n") + 1
    return behind[0].code if behind and behind[0].language == "text" and behind[0].line == end + 2 else None


def test_outputs_of_python_are_found() -> None:
    """A block and its output are told to belong together by the lines between them."""
    listed = blocks(DOCS / "python.md", "python", "text")
    found = [output_of(block, listed[n + 1 :]) for n, block in enumerate(listed) if block.language == "python"]
    assert sum(told is not None for told in found) == sum(block.language == "text" for block in listed) >= 10


def help_examples() -> list[Any]:
    return [
        pytest.param(command, id=command[:60])
        for block in blocks(DOCS / "commands.md", "sh")
        for command in commands(block.code)
    ]


@pytest.fixture
def prepared(shell: Shell) -> Shell:
    """The files that the examples of ``--help`` speak of."""
    lines = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()[36:60]]
    lines[0]["id"] = "de-0417"
    corpus = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (shell.folder / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    turkish = [line for line in CORPUS.read_text(encoding="utf-8").splitlines() if '"id": "tr-' in line]
    assert turkish
    (shell.folder / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(turkish).encode()))
    english = "".join(
        json.dumps({"id": (r := json.loads(line))["id"], **r.get("source", {})}) + "\n" for line in turkish
    )
    (shell.folder / "english.jsonl").write_text(english, encoding="utf-8")
    return shell


def prepare_review(shell: Shell) -> None:
    """A sheet that says of one edit that it is wrong, and the log with that verdict."""
    sheet = shell.folder / "tr.csv"
    assert shell.run("midb-agent review sheet --db c.boosted.jsonl.audit.db -o tr.csv").code == 0
    text = sheet.read_text(encoding="utf-8-sig")
    first = next(csv.DictReader(io.StringIO(text, newline="")))
    sheet.write_text(f"id,log,verdict\n{first['id']},{first['log']},reject\n", encoding="utf-8")
    done = shell.run("midb-agent review apply tr.csv --reviewer Jana --db c.boosted.jsonl.audit.db")
    assert done.code == 0, done.seen


@pytest.mark.parametrize("command", help_examples())
def test_examples_of_help(command: str, prepared: Shell) -> None:
    """Every example of ``--help`` works as it is written."""
    if "c.boosted.jsonl" in command:
        (prepared.folder / "corpus.jsonl").rename(prepared.folder / "c.jsonl")
        assert prepared.run("midb-agent run c.jsonl --quiet").code == 0
    if "review" in command or "midb-agent apply" in command:
        prepare_review(prepared)
    if "shard-*" in command:
        assert prepared.run("midb-agent split corpus.jsonl --shards 2").code == 0
        for number in (1, 2):
            assert prepared.run(f"midb-agent run corpus.shard-{number}-of-2.jsonl --quiet").code == 0
    if "prove" in command.split():
        prepare_base(prepared)
        (prepared.folder / "corpus.jsonl").write_bytes(CORPUS.read_bytes())
    if "train" in command.split():
        prepare_base(prepared)
        (prepared.folder / "all.jsonl").write_bytes(CORPUS.read_bytes())
        assert prepared.run("midb-agent run all.jsonl -o c.jsonl --quiet").code == 0
        assert prepared.run("midb-agent examples c.jsonl.audit.db -o learn --mix revision:1 --prompts short").code == 0
    if "measure" in command.split():
        for library in ("torch", "transformers", "peft"):
            pytest.importorskip(library)
        base = make_checkpoint(prepared.folder / "models" / "small")
        make_adapter(prepared.folder / "booster", base, task_type="CAUSAL_LM")
        write_set(prepared.folder / "learn", rows=1)
    if "evaluate" in command.split() and "models/small" in command:
        pytest.importorskip("torch")
        make_checkpoint(prepared.folder / "models" / "small")
        # A random model says nothing for long.
        command = command.replace("--sample 520", "--sample 1 --device cpu")
        command = command.replace("--languages de,ja", "--languages de --cases 1 --device cpu")
        question = {"question_id": 1, "turns": ["Warum ist der Himmel am Tag blau und am Abend rot?"]}
        (prepared.folder / "questions.jsonl").write_text(json.dumps(question), encoding="utf-8")
        command = command.replace("--baseline models/other", "--baseline models/small --max-tokens 8 --device cpu")
    if "blend" in command.split():
        for library in ("simplemma", "kiwipiepy"):
            pytest.importorskip(library, reason="the extra lemmas is not installed")
        write_country(
            prepared.folder / "BLEnD" / "data", "South_Korea", {"q": make_question("뭐?", [(["떡"], ["cake"], 2)])}
        )
        command = command.replace("--sample 50", "--sample 1 --max-tokens 8 --device cpu")
    done = prepared.run(command)
    assert done.code == 0, done.seen
    assert done.seen
