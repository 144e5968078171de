"""The live screen of a run: what is drawn, for which size of terminal. Knows no terminal and keeps no state.

Every block is told how many lines it may take, so that the screen never grows beyond the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePath

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from midb.dashboard.blocks import Block, Row, beside, figure, lines, stack, table
from midb.dashboard.model import model_block
from midb.dashboard.state import Progress, outcome_sums
from midb.dashboard.text import change, count, duration, flow, most_common, share, short, shown
from midb.domain.decisions import RUN_OUTCOMES, Action, Outcome, Pass
from midb.domain.events import EditMade

#: What colour an outcome has where there is any of it. Unchanged has none: it is neither good nor bad.
STYLES = {Outcome.IMPROVED: "green", Outcome.REVERTED: "red"}

#: From here on there is room for two columns.
WIDE, TALL = 120, 30

_BESIDE = 76  # cells that passes and outcomes take beside each other, with numbers in the millions
_BESIDE_WITH_MODEL = 78  # the same, as narrow as they get
_ROOMY_WITH_MODEL = 95  # the same, with all columns
_LANGUAGE_CELLS = 26
_LEAST_EDITS = 3  # lines: a heading and two of them
_PASSES = (Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION, Pass.VERIFICATION)


def live_screen(progress: Progress, *, width: int, height: int) -> RenderableType:
    """The whole screen, ``width`` by ``height`` cells."""
    inner = width - 2
    head, model, bottom = _head(progress, inner), _model(progress, inner, height), _foot(progress, inner)
    room = height - head.lines - model.lines - bottom.lines - 1
    draw = _two_columns if width >= WIDE and height >= TALL else _one_column
    middle = draw(progress, inner, room)
    filler = [Text("")] * (room - middle.lines)
    return Padding(Group(head.body, model.body, Text(""), middle.body, *filler, bottom.body), (0, 1))


def _one_column(progress: Progress, width: int, room: int) -> Block:
    counts = _outcomes(progress)
    if progress.with_model and width >= _BESIDE_WITH_MODEL:
        counts = _outcomes(progress, tight=width < _ROOMY_WITH_MODEL)
        taken = 32 if width >= _ROOMY_WITH_MODEL else 28
        counts = beside([_passes_with_model(progress, width - taken), counts], widths=[None, None])
    elif width >= _BESIDE:
        counts = beside([_passes(progress), counts], widths=[None, None])
    findings = _open_line(progress, width, max(min(room // 10, 3), 1))
    left = room - counts.lines - findings.lines - 2
    names = len({language for language, _ in progress.tally.outcomes})
    fewest = -(-names // max(width // _LANGUAGE_CELLS, 1)) + 1
    languages = _languages(progress, width, max(left // 2, min(fewest, left - _LEAST_EDITS)))
    upper = stack([counts, languages, findings])
    room -= upper.lines
    apart = [Text("")] if room > 6 else []
    edits = _edits(progress.edits, width, room - len(apart))
    return Block(upper.lines + len(apart) + edits.lines, Group(upper.body, *apart, edits.body))


def _two_columns(progress: Progress, width: int, room: int) -> Block:
    left_width = 2 * _LANGUAGE_CELLS
    if progress.with_model:
        left_width += min(max(width - 134, 0), 11)  # for all columns of the passes, where the edits can spare it
        counts = stack([_outcomes(progress), _passes_with_model(progress, left_width)])
    else:
        counts = stack([_outcomes(progress), _passes(progress)])
    left = stack([counts, _languages(progress, left_width, room - counts.lines - 1)])
    right_width = width - left_width - 4
    findings = _open_table(progress, max(room // 3, 3))
    edits = _edits(progress.edits, right_width, room - findings.lines - 1, roomy=True)
    return beside([left, stack([findings, edits])], widths=[left_width, right_width], gap=4)


def speed_text(progress: Progress) -> str:
    """How fast, and how long still."""
    speed, left = progress.per_second, progress.remaining_seconds
    # A large model may take many seconds for a pair: what is not nought is not shown as nought.
    words = "– pairs/s" if speed is None else f"{speed:,.{0 if speed >= 10 else 1 if speed >= 0.1 else 3}f} pairs/s"
    if progress.total is not None:
        words += f"   ETA {'–' if left is None else duration(left)}"
    return words


def done_text(progress: Progress) -> str:
    """How far: ``38,112 / 51,760   73.6 %``."""
    if progress.total is None:
        return f"{count(progress.done)} read"
    return f"{count(progress.done)} / {count(progress.total)}   {share(progress.done, progress.total)}"


def _head(progress: Progress, width: int) -> Block:
    plan = progress.plan
    clock = duration(progress.seconds)
    title = "" if plan is None else f"{PurePath(plan.corpus).name} · {plan.language} · {plan.engine}"
    if plan and plan.resumed_at:
        clock = f"resumed at record {count(plan.resumed_at)}   {clock}"
    room = width - cell_len(clock) - 2
    name = shown(title, room)
    first = Text.assemble((name, "bold"), " " * (width - cell_len(name) - cell_len(clock)), clock)
    words = f"{done_text(progress)}   {speed_text(progress)}"
    bar = ""
    if progress.total and (cells := width - cell_len(words) - 2) >= 8:
        full = min(cells * progress.done // progress.total, cells)
        bar = "█" * full + "─" * (cells - full) + "  "
    return lines([first, Text(bar + words)])


def _model(progress: Progress, width: int, height: int) -> Block:
    """What the model does, in as many lines as this height can spare."""
    names = {language for language, _ in progress.tally.outcomes}
    return model_block(progress, width, sum(height >= enough for enough in (10, 18, 28 if len(names) > 6 else 24)))


def _foot(progress: Progress, width: int) -> Block:
    found: list[Text] = []
    if line := progress.latest_rejected:
        told = f"{count(progress.rejected.total())} rejected, last: line {count(line.line)}: {line.message}"
        found.append(Text(shown(told, width), "red"))
    if number := progress.warnings:
        told = f"{count(number)} {'warning' if number == 1 else 'warnings, last'}: {progress.latest_warning}"
        found.append(Text(shown(told, width), "yellow"))
    if not found:
        found.append(Text("Ctrl-C stops safely: what is finished is kept, and the same command resumes.", "dim"))
    return lines(found)


def _passes(progress: Progress) -> Block:
    decisions = progress.tally.decisions
    rows = []
    for pass_ in _PASSES:
        applied, taken_back = decisions[pass_, Action.APPLIED], decisions[pass_, Action.REJECTED]
        visited = applied + taken_back + decisions[pass_, Action.SKIPPED]
        rows.append((pass_.value, count(visited), figure(applied, "green"), figure(taken_back, "red")))
    return table(("pass", "visited", "applied", "taken back"), rows)


def _passes_with_model(progress: Progress, width: int) -> Block:
    """Also what the model left as it was, and how much of what it rewrote was accepted; what was visited is the sum of
    it and goes where there is no room."""
    decisions = progress.tally.decisions
    headers = ("pass", "visited", "applied", "unchanged", "taken back", "accepted")
    rows: list[list[Text | str]] = []
    for pass_ in _PASSES:
        applied, taken_back, skipped = (
            decisions[pass_, action] for action in (Action.APPLIED, Action.REJECTED, Action.SKIPPED)
        )
        rewritten = applied + taken_back
        rows.append([
            pass_.value, short(rewritten + skipped), figure(applied, "green", short(applied)), short(skipped),
            figure(taken_back, "red", short(taken_back)), share(applied, rewritten) if rewritten else "–",
        ])  # fmt: skip
    if width < 57:
        return table([headers[0], *headers[2:]], [[row[0], *row[2:]] for row in rows], gap=1)
    return table(headers, rows, gap=2 if width >= 63 else 1)


def _outcomes(progress: Progress, *, tight: bool = False) -> Block:
    tally = progress.tally
    done = tally.records + tally.rejected
    sums = outcome_sums(tally.outcomes)
    written = short if tight else count
    rows = [(o.value, figure(n, STYLES.get(o, ""), written(n)), share(n, done)) for o, n in sums.items()]
    rows.append(("rejected", figure(tally.rejected, "red", written(tally.rejected)), share(tally.rejected, done)))
    return table(("outcome", "records", ""), rows, gap=1 if tight else 2)


def _languages(progress: Progress, width: int, room: int) -> Block:
    """Outcomes per language, in as many columns as the room asks for; what finds no room is counted."""
    names = sorted({language for language, _ in progress.tally.outcomes})
    down = room - 1
    if not names or down < 1:
        return Block(0, Text(""))
    columns = min(-(-len(names) // down), max(width // _LANGUAGE_CELLS, 1))
    if columns == 1:
        fit = down if len(names) <= down else down - 1
        rows = [_language_row(progress, name, count) for name in names[:fit]]
        if names[fit:]:
            rows.append([f"{len(names) - fit} more"])
        return table(("language", *RUN_OUTCOMES), rows)
    found = names[: columns * down]
    down = -(-len(found) // columns)
    parts = [found[start : start + down] for start in range(0, len(found), down)]
    grids = [table([""] * 4, [_language_row(progress, name, short) for name in part]) for part in parts]
    body = beside(grids, widths=[_LANGUAGE_CELLS - 3] * len(grids))
    heading = Text.assemble(("language   unchanged, improved, reverted", "bold"))
    if names[len(found) :]:
        heading.append(f"   ({len(names) - len(found)} more)")
    return Block(body.lines + 1, Group(lines([heading]).body, body.body))


def _language_row(progress: Progress, name: str, written: Callable[[int], str]) -> Row:
    numbers = [(outcome, progress.tally.outcomes[name, outcome]) for outcome in RUN_OUTCOMES]
    return [shown(name, 5), *(figure(n, STYLES.get(outcome, ""), written(n)) for outcome, n in numbers)]


def _open_line(progress: Progress, width: int, most: int) -> Block:
    """Open findings as running text."""
    found = progress.tally.open
    label = f"open findings {count(found.total())}   "
    told = flow(found, width, most, label) or [label]
    return lines(Text.assemble((line[: len(label)], "bold"), (line[len(label) :], "yellow")) for line in told)


def _open_table(progress: Progress, room: int) -> Block:
    """Open findings one below the other."""
    kinds = most_common(progress.tally.open)
    fit = room - 1 if len(kinds) <= room - 1 else room - 2
    rows = [(shown(kind, 30), figure(n, "yellow")) for kind, n in kinds[:fit]]
    if len(kinds) > fit:
        rows.append((f"{len(kinds) - fit} more kinds", figure(sum(n for _, n in kinds[fit:]), "yellow")))
    return table(("open findings", count(progress.tally.open.total())), rows)


def _edits(edits: Iterable[EditMade], width: int, room: int, *, roomy: bool = False) -> Block:
    """The latest edits, newest first: a line each, with ``roomy`` a line about it and a line of it."""
    if room < 2:
        return Block(0, Text(""))
    newest = list(edits)[::-1][: (room - 1) // (2 if roomy else 1)]
    found = [Text("latest edits" if newest else "no edits yet", "bold")]
    keys = _aligned([shown(edit.record, 20 if roomy else 12) for edit in newest])
    kinds = _aligned([shown(edit.kind, 23) for edit in newest])
    for edit, key, kind in zip(newest, keys, kinds, strict=True):
        about = f"{shown(edit.language, 3):<3} {key}  {kind}"
        if roomy:
            found.append(Text(f"{about}  {shown(edit.pass_)} · {shown(edit.field)}"))
            about = ""
        start = Text(f"{about or '  '}  ")
        found.append(start + change(edit.left, edit.before, edit.after, edit.right, width - start.cell_len))
    return lines(found)


def _aligned(texts: Sequence[str]) -> list[str]:
    """All as wide as the widest."""
    widest = max(map(cell_len, texts), default=0)
    return [text + " " * (widest - cell_len(text)) for text in texts]
