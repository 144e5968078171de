"""What later runs did to a record is told in a line for each, and the command that undoes what is left."""

from __future__ import annotations

import io
from pathlib import Path

from log_fixtures import RUN
from rich.console import Console

from midb.audit.questions.later import LaterChange
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow
from midb.audit.verdict_rows import Item
from midb.cli.audit.later import find_start, list_names, show_later, show_undo

ROW = RecordRow(1, 1, 4, 5, "de 1", "de", "improved", 1, 0, None, None, "", "", "")
EDITS = (Item(12, 0), Item(12, 1))


def change(number: int, **items: tuple[Item, ...]) -> LaterChange:
    """A later run that undid, restored or wrote some edits."""
    run = RUN.__class__(**{**RUN.__dict__, "id": number, "kind": "revert", "parent_run": number - 1})
    return LaterChange(run, **{"undone": (), "again": (), "written": (), **items}, asked="kind x\x1b[31m")


def printed(show: object, *given: object, **named: object) -> str:
    stream = io.StringIO()
    show(Console(file=stream, width=10_000, highlight=False, markup=False), *given, **named)  # type: ignore[operator]
    return stream.getvalue()


def test_each_later_run_says_what_it_did() -> None:
    out = printed(show_later, [change(2, undone=EDITS), change(3, again=EDITS[:1], written=(Item(30, 0),))], 1)
    first, second = out.splitlines()
    assert first.startswith(" later   run 2 (revert, ")
    assert "undid e-12-0, e-12-1" in first
    assert second.startswith(" later   run 3 (revert of run 2, ")
    assert "e-12-0 stands again; put people's own text as e-30-0" in second
    assert "\x1b" not in out, "what was asked for may be hostile"
    assert list_names([Item(1, n) for n in range(10)]).endswith("e-1-7 and 2 more")


def test_the_command_undoes_what_is_left() -> None:
    def undo(*later: LaterChange, kind: str = "run", start: int | None = None) -> str:
        run = RUN.__class__(**{**RUN.__dict__, "kind": kind})
        return printed(show_undo, Path("a.db"), run, ROW, EDITS, {"x"}, later, start=start, by_place=False)

    assert undo() == " undo    midb-agent revert --record 'de 1' --db a.db -o OUT\n"
    assert undo(change(2, undone=EDITS[:1])) != ""
    assert undo(change(2, undone=EDITS)) == "", "nothing is left of it"
    assert undo(change(2, undone=EDITS), change(3, again=EDITS)) != ""
    assert "--run 7" in undo(start=7)
    assert "revert --edit e-12-0 --edit e-12-1 --db" in undo(kind="revert")
    assert "revert --edit e-12-0 --edit e-12-1 --db" in undo(kind="apply")
    assert undo(kind="dry-run") == ""


def test_the_start_is_named_where_it_is_not_the_usual_one(finished_log: Path, undone_log: Path) -> None:
    with AuditReader(finished_log) as reader:
        assert find_start(reader, reader.run(1)) == 1, "the latest run is another one"
    with AuditReader(undone_log) as reader:
        assert [run.kind for run in reader.runs()] == ["run", "run", "revert"]
        assert find_start(reader, reader.run(1)) == 3, "what was undone there stays undone"
