"""What scripts rely on is documented, name by name: exit codes, JSON events, lines of JSON."""

from __future__ import annotations

import ast
import dataclasses
import json
import shutil
import signal
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_fixtures import Cli
from doc_pages import DOCS, ROOT, names, section, table
from review_fixtures import candidates_of

from midb.audit.reader import AuditReader
from midb.cli.running import Interruption
from midb.dashboard.json_events import Told, to_json
from midb.domain.decisions import Action, Outcome, Pass
from midb.domain.errors import MidbError
from midb.domain.events import (
    BatchDone,
    EditMade,
    Event,
    LineRejected,
    ModelUsed,
    RunEnded,
    RunPlanned,
    ShardSeen,
    ShardsSeen,
    Waiting,
    Warned,
)
from midb.domain.generations import Usage
from midb.review.desk import Desk, Said

GUIDE = DOCS / "guide.md"
EVENTS = DOCS / "json-events.md"

EDIT = EditMade(record="de-1", language="de", pass_="content", kind="k", field="response", before="a", after="b")

#: One of each event that a run tells.
SAMPLES: dict[type, Told] = {
    RunPlanned: RunPlanned(
        corpus="c", total=1, format="f", layout="l", language="de", passes=("content",), engine="e", output="o",
        database="d", rejected="r", workers=1,
    ),
    BatchDone: BatchDone(
        records=1, rejected=0, pairs=1, outcomes={("de", Outcome.IMPROVED): 1},
        decisions={(Pass.CONTENT, Action.APPLIED): 1}, repaired={"k": 1}, open={}, edits=(EDIT,),
    ),
    LineRejected: LineRejected(line=1, reason="r", message="m"),
    Warned: Warned(message="m"),
    ModelUsed: ModelUsed(usage=Usage(calls=1), by_pass={Pass.CONTENT: Usage(calls=1)}, in_flight=1, seconds=1.0),
    ShardsSeen: ShardsSeen(
        shards=(ShardSeen(number=1, state="running", host="h", attempts=1, done=2, total=3),),
    ),
    RunEnded: RunEnded(
        status="finished", read=1, rejected=0, outcomes={("de", Outcome.IMPROVED): 1}, repaired={}, open={},
        balanced=True, output="o", database="d", rejected_path="",
    ),
}  # fmt: skip


def documented(title: str) -> set[str]:
    """The names in the first cells of the tables under a heading."""
    return {name for row in table(section(EVENTS, title)) for name in names(row[0])}


def test_there_is_a_sample_of_every_event() -> None:
    assert set(SAMPLES) == set(typing.get_args(Event)) - {Waiting}


@pytest.mark.parametrize("event", SAMPLES.values(), ids=lambda event: type(event).__name__)
def test_every_name_of_an_event_is_documented(event: Told) -> None:
    told = to_json(event)
    title = told.pop("event")
    wanted = set(told)
    if isinstance(event, BatchDone):
        wanted |= set(told["edits"][0])
    assert documented(title) == wanted


def test_the_numbers_of_usage_are_those_of_every_pass() -> None:
    """The page says "all of the above by pass" and lists the numbers once."""
    told = to_json(SAMPLES[ModelUsed])
    assert set(told["passes"]["content"]) == {field.name for field in dataclasses.fields(Usage)} <= set(told)


def test_the_forecast_is_documented() -> None:
    from midb.agent.run.forecast import Forecast

    assert documented("forecast") == {field.name for field in dataclasses.fields(Forecast)}


def test_lines_of_check_are_documented(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "corpus.jsonl", tmp_path / "corpus.jsonl")
    lines = [json.loads(line) for line in cli("check", "corpus.jsonl", "--json", "--limit", 12).out.splitlines()]
    finding = next(line["findings"][0] for line in lines if line["findings"])
    assert documented("Lines of check") == set(lines[0]) | set(finding)


def test_rejected_lines_are_documented(cli: Cli, write: Any, tmp_path: Path) -> None:
    good = {"id": "de-1", "instruction": "Nenne eine Farbe.", "output": "Rot."}
    write("corpus.jsonl", good, b"{\n", b"\xff\n", b'{"a": "' + b"x" * (1 << 21) + b"\n")
    assert cli("run", "corpus.jsonl", "--quiet").code == 0
    lines = (tmp_path / "corpus.boosted.jsonl.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    (tmp_path / "folder").mkdir()
    write("folder/part.jsonl", good, b"{\n")
    assert cli("run", "folder", "--quiet").code == 0
    lines += (tmp_path / "folder.boosted.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert documented("Rejected lines") == {name for line in lines for name in json.loads(line)}


def test_other_json_is_documented(cli: Cli, tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples" / "corpus.jsonl", tmp_path / "corpus.jsonl")
    assert cli("run", "corpus.jsonl", "--quiet", "--limit", 12).code == 0
    log = tmp_path / "corpus.boosted.jsonl.audit.db"
    with AuditReader(log) as reader:
        Desk(log, reader.run(1)).say("Ana", next(iter(candidates_of(log).values())), Said("accept"))
    rows = table(section(EVENTS, "Other commands"))
    tried = 0
    for command, _, told in rows:
        (words,) = names(command)
        if "export" in words:
            continue
        more = ["it-005"] if "show" in words else []
        db = ["--db", log.name] if words.startswith("audit") else []
        words = words.replace("LOG", log.name)
        called = cli(*words.split()[:-1], *more, "--json", *db)
        assert called.code == 0, called.err
        assert set(json.loads(called.out.splitlines()[0])) == set(names(told)), words
        tried += 1
    assert tried == 7


def returned(path: Path) -> Iterator[int]:
    """The exit codes that a module of the command line returns by number."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and isinstance(node.returns, ast.Name) and node.returns.id == "int":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    yield from numbers_of(inner.value)
                if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") == "complain":
                    yield from numbers_of(inner.args[-1])
        if isinstance(node, ast.Assign) and any("FAILED" in ast.unparse(target) for target in node.targets):
            yield from numbers_of(node.value)


def numbers_of(value: ast.expr) -> Iterator[int]:
    for node in [value.body, value.orelse] if isinstance(value, ast.IfExp) else getattr(value, "elts", [value]):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            yield node.value


def exit_codes(error: type[MidbError]) -> Iterator[int]:
    yield error.exit_code
    for below in error.__subclasses__():
        yield from exit_codes(below)


def test_every_exit_code_is_documented() -> None:
    used = set(exit_codes(MidbError))
    for path in (ROOT / "midb" / "cli").rglob("*.py"):
        used |= set(returned(path))
    for number in (signal.SIGINT, signal.SIGTERM):
        interruption = Interruption(lambda event: None)
        interruption.asked = number
        used.add(interruption.exit_code)
    documented = {int(row[0]) for row in table(section(GUIDE, "Exit codes"))}
    assert {0, 1, 2, 130, 141, 143} <= used
    assert documented == used


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("check", "good.jsonl"), 0), (("run", "bad.jsonl", "--strict", "--quiet"), 1), (("run", "none.jsonl"), 2),
        (("run", "good.jsonl", "--kinds", "no-such-kind"), 2), (("no-such-command",), 2),
        (("audit", "verify", "--db", "none.audit.db"), 1),
    ],
)  # fmt: skip
def test_exit_codes_are_what_the_guide_says(words: tuple[str, ...], code: int, cli: Cli, write: Any) -> None:
    good = {"id": "de-1", "instruction": "Nenne eine Farbe.", "output": "Rot."}
    write("good.jsonl", good)
    write("bad.jsonl", good, b"{\n")
    assert cli(*words).code == code


def test_the_guide_shows_the_state_machine_as_it_is() -> None:
    from midb.agent.graph import draw

    assert draw().strip() in GUIDE.read_text(encoding="utf-8")


def test_the_guide_names_every_layout() -> None:
    """By the names that the first screen shows."""
    from midb.corpus.layouts import finder
    from midb.corpus.layouts.conversations import Conversation, Prompts

    told = section(GUIDE, "What it reads")
    listed = [value.name for value in vars(finder).values() if isinstance(value, Conversation | Prompts)]
    for name in (*listed, "Alpaca", "prompt/response", "MEB", "prompts only", "preference", "several answers"):
        assert f"| {name}" in told
    assert len(listed) >= 3
