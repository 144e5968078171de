"""How what later runs did to a record looks on a terminal: which of its edits were undone, and how to undo them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from midb.audit.lineage import list_later
from midb.audit.questions.later import LaterChange
from midb.audit.reader import AuditReader
from midb.audit.rows import RecordRow
from midb.audit.run_rows import Run
from midb.audit.verdict_rows import Item
from midb.text.terminal import isolated, quote_words, visible

#: Edits that a command names one by one.
_FEW = 3

#: Names that a line lists.
_LISTED = 8


def show_later(console: Console, later: Sequence[LaterChange], run: int) -> None:
    """A line for each later run that changed the record: when, why, and which edits."""
    for one in later:
        words = []
        if one.undone:
            words.append(f"undid {list_names(one.undone)}")
        if one.again:
            words.append(f"{list_names(one.again)} {'stands' if len(one.again) == 1 else 'stand'} again")
        if one.written:
            words.append(f"put people's own text as {list_names(one.written)}")
        parent = f" of run {one.run.parent_run}" if one.run.parent_run != run else ""
        line = Text(" later   ")
        line.append(
            f"run {one.run.id} ({visible(one.run.kind)}{parent}, {visible(one.run.started_at)}) ", style="magenta"
        )
        line.append("; ".join(words) or "changed nothing that stands")
        if not one.asked.startswith("edit "):  # those are named already
            line.append(f"   {isolated(one.asked)}")
        console.print(line, soft_wrap=True)


def list_names(items: Sequence[Item]) -> str:
    """Names of edits, the first of many."""
    names = [item.name for item in items]
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def find_start(reader: AuditReader, run: Run) -> int | None:
    """From which run the edits of a run are undone; None where that needs not be said."""
    from midb.domain.errors import MidbError
    from midb.runs.revert import checked_parent

    start = [run, *list_later(reader, run)][-1].id
    try:
        return None if checked_parent(reader, None).id == start else start
    except MidbError:
        return start


def show_undo(
    console: Console, path: Path, run: Run, row: RecordRow, items: Collection[Item], kinds: Collection[str],
    later: Sequence[LaterChange], *, start: int | None, by_place: bool, by_name: bool = False,
) -> None:  # fmt: skip
    """The command that undoes the edits of a record, where any of them stands."""
    standing = set(items)
    for one in later:
        standing = (standing - set(one.undone)) | (set(items) & set(one.again))
    if not standing or run.kind not in ("run", "revert", "apply"):
        return
    words = ["midb-agent", "revert"]
    if (run.kind == "run" and not by_name) or len(items) > _FEW:
        words += ["--record", f"#{row.position}" if by_place else row.record_key]
        words += [] if run.kind == "run" else ["--pass", "revert" if run.kind == "revert" else "review"]
    else:
        words += [word for item in items for word in ("--edit", item.name)]
    words += [*(["--run", str(start)] if start is not None else []), "--db", str(path), "-o", "OUT"]
    more = "   (--kind KIND: one kind only)" if "--record" in words and run.kind == "run" and len(kinds) > 1 else ""
    console.print(Text(f" undo    {quote_words(words)}{more}"), soft_wrap=True)
