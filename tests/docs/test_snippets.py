"""What pages tell a reader to type works, and prints what they say it prints."""

from __future__ import annotations

import contextlib
import doctest
import gzip
import importlib.util
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from doc_pages import DOCS, PAGES, ROOT, Block, blocks
from doc_shell import Shell, commands, conversation, shows

README = ROOT / "README.md"

#: Blocks that need more than a folder with a corpus have tests of their own.
APART = {DOCS / "audit-log.md", DOCS / "commands.md", DOCS / "engine.md", ROOT / "CONTRIBUTING.md"}

#: Libraries whose frames may come and go, and which a machine may lack: blocks that need them are then passed over.
OPTIONAL = ("pandas", "polars", "datasets")

CORPUS = ROOT / "examples" / "corpus.jsonl"


@pytest.fixture
def shell(cli: Any, tmp_path: Path) -> Shell:
    """A folder as a reader has it: the examples, and a corpus of one's own."""
    (tmp_path / "examples").mkdir()
    shutil.copy(CORPUS, tmp_path / "examples" / "corpus.jsonl")
    shutil.copy(CORPUS, tmp_path / "corpus.jsonl")
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    return Shell(tmp_path, cli)


def with_blocks(*languages: str) -> list[Path]:
    return [page for page in PAGES if page not in APART and blocks(page, *languages)]


@pytest.mark.parametrize("page", with_blocks("sh", "console"), ids=lambda page: page.name)
def test_commands(page: Path, shell: Shell) -> None:
    """The commands of a page, from top to bottom in one folder; its TOML is the file that the text before it names."""
    ran = 0
    for block in blocks(page, "sh", "console", "toml"):
        if block.reason:
            continue
        if block.language == "toml":
            (shell.folder / "run.toml").write_text(block.code, encoding="utf-8")
        elif block.language == "sh":
            for command in commands(block.code):
                done = shell.run(command)
                assert done.code == 0, f"{block}: {command}: {done.seen}"
                ran += 1
        else:
            for command, shown in conversation(block.code):
                done = shell.run(command)
                assert done.code == 0, f"{block}: {command}: {done.seen}"
                assert (missing := shows(shown, done.seen)) is None, f"{block}: {command} does not print: {missing}"
                ran += 1
    assert ran


def python_blocks() -> list[tuple[Path, list[tuple[Block, str]]]]:
    """Pages with Python, and each block with the output that the page shows right behind it."""
    found = []
    for page in PAGES:
        if page in APART:
            continue
        listed = blocks(page, "python", "text")
        pairs = []
        for number, block in enumerate(listed):
            if block.language == "python" and not block.reason:
                behind = listed[number + 1] if number + 1 < len(listed) else None
                end = block.line + block.code.count("\n") + 2
                told = behind.code if behind and behind.language == "text" and behind.line - end <= 1 else ""
                pairs.append((block, told))
        if pairs:
            found.append((page, pairs))
    return found


@pytest.mark.parametrize(("page", "pairs"), python_blocks(), ids=lambda value: getattr(value, "name", ""))
def test_python(
    page: Path,
    pairs: list[tuple[Block, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The Python of a page, from top to bottom in one namespace, in a folder with the example corpus."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(CORPUS, tmp_path / "corpus.jsonl")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block, told in pairs:
        code = block.code
        if code.lstrip().startswith(">>>"):
            run_session(block, namespace)
            continue
        if any(f"import {name}" in code and not importlib.util.find_spec(name) for name in OPTIONAL):
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(block), "exec"), namespace)
        assert told == "" or shows(told, printed.getvalue()) is None, f"{block} prints: {printed.getvalue()}"


def run_session(block: Block, namespace: dict[str, Any]) -> None:
    """A session with ``>>>``: what is shown is what comes out."""
    session = doctest.DocTestParser().get_doctest(block.code, namespace, str(block), str(block.page), block.line)
    told = io.StringIO()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed = doctest.DocTestRunner(optionflags=flags).run(session, out=told.write, clear_globs=False)
    assert not failed.failed, told.getvalue()
    namespace.update(session.globs)


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
    english = "".join(json.dumps({"id": line["id"], **line.get("source", {})}) + "\n" for line in lines)
    (shell.folder / "corpus.jsonl").write_text(corpus, encoding="utf-8")
    (shell.folder / "corpus.jsonl.gz").write_bytes(gzip.compress(corpus.encode()))
    (shell.folder / "english.jsonl").write_text(english, encoding="utf-8")
    return shell


@pytest.mark.parametrize("command", help_examples())
def test_examples_of_help(command: str, prepared: Shell) -> None:
    """Every example of ``--help`` works as it is written."""
    if "c.boosted.jsonl" in command or command == "midb-agent audit summary":
        (prepared.folder / "corpus.jsonl").rename(prepared.folder / "c.jsonl")
        assert prepared.run("midb-agent run c.jsonl --quiet").code == 0
    if "shard-*" in command:
        assert prepared.run("midb-agent split corpus.jsonl --shards 2").code == 0
        for number in (1, 2):
            assert prepared.run(f"midb-agent run corpus.shard-{number}-of-2.jsonl --quiet").code == 0
    done = prepared.run(command)
    assert done.code == 0, done.seen
    assert done.seen
