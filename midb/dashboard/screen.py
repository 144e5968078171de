"""The live screen of a run: what is drawn, for which size of terminal. Knows no terminal and keeps no state.

Every block is told how many lines it may take, so that the screen never grows beyond the terminal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from midb.dashboard.blocks import OUTCOME_STYLES, Block, Row, make_lines, make_table, paint, put_beside, stack
from midb.dashboard.cluster import draw_shards
from midb.dashboard.model import draw_model
from midb.dashboard.state import Progress, sum_outcomes
from midb.dashboard.text import (
    crop,
    fit,
    flow_counts,
    format_count,
    format_duration,
    format_share,
    pluralize,
    rank_counts,
    render_edit,
    shorten,
)
from midb.domain.decisions import RUN_OUTCOMES, Action, Pass

#: What turns while nothing else moves, and how often in a second.
_TURNING = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TICKS = 8

#: Cells of width from which on there is room for two columns.
WIDE = 120

#: Lines of height from which on two columns are worth it: below them the edits would find no room.
TALL = 30

#: Cells that passes and outcomes take beside each other, with numbers in the millions.
_BESIDE = 78

#: The same with a model, as narrow as they get.
_BESIDE_WITH_MODEL = 78

#: The same with a model and all columns.
_ROOMY_WITH_MODEL = 95

#: Cells that one language takes with its three numbers.
_LANGUAGE_CELLS = 26

#: Lines that the latest edits get at least: a heading and two of them.
_LEAST_EDITS = 3

#: The passes that a person watches. Routing decides only that no pass is needed, and a revert is another command.
_PASSES = (Pass.CONTENT, Pass.TRANSLATION, Pass.LOCALIZATION, Pass.VERIFICATION)


def draw_screen(progress: Progress, *, width: int, height: int) -> RenderableType:
    """The whole screen, ``width`` by ``height`` cells."""
    inner = width - 2
    head, model, bottom = _draw_head(progress, inner), _draw_model(progress, inner, height), _draw_foot(progress, inner)
    head = stack([head, draw_shards(progress.shards, inner, sum(height >= enough for enough in (8, 20, 26, 32, 40)))])
    room = height - head.lines - model.lines - bottom.lines - 1
    draw = _draw_two_columns if width >= WIDE and height >= TALL else _draw_one_column
    middle = draw(progress, inner, room)
    filler = [Text("")] * (room - middle.lines)
    return Padding(Group(head.body, model.body, Text(""), middle.body, *filler, bottom.body), (0, 1))


def draw_line(progress: Progress, *, width: int) -> Text:
    """One line for the time before the screen: what the run waits for or how far it is, with something that moves."""
    ticks = int(progress.clock() * _TICKS)
    if progress.waiting:
        waited = progress.waited_seconds
        clock = f"   {format_duration(waited)}" if waited >= 1 else ""
        said = fit(progress.waiting, max(width - 4 - len(clock), 8)) + clock
    else:
        said = describe_done(progress) if progress.plan else ""
    return Text(crop(f"{_TURNING[ticks % len(_TURNING)]} {said}", width - 1), "dim", no_wrap=True)


def _draw_one_column(progress: Progress, width: int, room: int) -> Block:
    counts = _draw_outcomes(progress)
    if progress.with_model and width >= _BESIDE_WITH_MODEL:
        counts = _draw_outcomes(progress, tight=width < _ROOMY_WITH_MODEL)
        taken = 32 if width >= _ROOMY_WITH_MODEL else 28
        counts = put_beside([_draw_passes_with_model(progress, width - taken), counts], widths=[None, None])
    elif width >= _BESIDE:
        counts = put_beside([_draw_passes(progress), counts], widths=[None, None])
    findings = _draw_open_line(progress, width, max(min(room // 10, 3), 1))
    left = room - counts.lines - findings.lines - 2
    names = len({language for language, _ in progress.tally.outcomes})
    fewest = -(-names // max(width // _LANGUAGE_CELLS, 1)) + 1
    languages = _draw_languages(progress, width, max(left // 2, min(fewest, left - _LEAST_EDITS)))
    upper = stack([counts, languages, findings])
    room -= upper.lines
    apart = [Text("")] if room > 6 else []
    edits = _draw_edits(progress, width, room - len(apart))
    return Block(upper.lines + len(apart) + edits.lines, Group(upper.body, *apart, edits.body))


def _draw_two_columns(progress: Progress, width: int, room: int) -> Block:
    left_width = 2 * _LANGUAGE_CELLS
    if progress.with_model:
        left_width += min(max(width - 134, 0), 11)  # for all columns of the passes, where the edits can spare it
        counts = stack([_draw_outcomes(progress), _draw_passes_with_model(progress, left_width)])
    else:
        counts = stack([_draw_outcomes(progress), _draw_passes(progress)])
    left = stack([counts, _draw_languages(progress, left_width, room - counts.lines - 1)])
    right_width = width - left_width - 4
    findings = _draw_open_table(progress, max(room // 3, 3))
    room -= findings.lines + 1
    edits = _draw_edits(progress, right_width, room, roomy=True)
    return put_beside([left, stack([findings, edits])], widths=[left_width, right_width], gap=4)


def describe_speed(progress: Progress) -> str:
    """How fast, and how long still."""
    speed, left = progress.per_second, progress.remaining_seconds
    # A large model may take many seconds for a pair: what is not nought is not shown as nought.
    words = "– pairs/s" if speed is None else f"{speed:,.{0 if speed >= 10 else 1 if speed >= 0.1 else 3}f} pairs/s"
    if progress.total is not None:
        words += f"   ETA {'–' if left is None else format_duration(left)}"
    return words


def describe_done(progress: Progress) -> str:
    """How far: ``38,112 / 51,760 records   73.6 %``."""
    if progress.total is None:
        return f"{pluralize(progress.done, 'record')} read"
    done, total = progress.done, progress.total
    return f"{format_count(done)} / {pluralize(total, 'record')}   {format_share(done, total)}"


def _draw_head(progress: Progress, width: int) -> Block:
    plan = progress.plan
    clock = format_duration(progress.seconds)
    if plan and plan.resumed_at:
        clock = f"resumed at record {format_count(plan.resumed_at)}, {clock} ago"
        if cell_len(clock) > width // 3:
            clock = f"resumed {format_duration(progress.seconds)} ago"
    # What is named last is cut first: languages are told below as well.
    names = (PurePath(plan.corpus).name, plan.engine, plan.language) if plan else ()
    title = " · ".join(fit(name, most) for name, most in zip(names, (width // 4, width // 2, None), strict=False))
    room = width - cell_len(clock) - 2
    name = fit(title, room)
    first = Text.assemble((name, "bold"), " " * (width - cell_len(name) - cell_len(clock)), clock)
    words = f"{describe_done(progress)}   {describe_speed(progress)}"
    bar = ""
    if progress.total and (cells := width - cell_len(words) - 2) >= 8:
        full = min(cells * progress.done // progress.total, cells)
        bar = "█" * full + "─" * (cells - full) + "  "
    return make_lines([first, Text(bar + words)])


def _draw_model(progress: Progress, width: int, height: int) -> Block:
    """What the model does, in as many lines as this height can spare."""
    names = {language for language, _ in progress.tally.outcomes}
    return draw_model(progress, width, sum(height >= enough for enough in (10, 18, 28 if len(names) > 6 else 24)))


def _draw_foot(progress: Progress, width: int) -> Block:
    found: list[Text] = []
    if line := progress.latest_rejected:
        number = format_count(progress.rejected.total())
        said = f"{number} rejected, last: line {format_count(line.line)}: {line.message}"
        found.append(Text(fit(said, width), "red"))
    if said := _describe_warnings(progress):
        found.append(Text(fit(said, width), "yellow"))
    if not found:
        found.append(Text("Ctrl-C stops safely: what is finished is kept, and the same command resumes.", "dim"))
    return make_lines(found)


def _describe_warnings(progress: Progress) -> str:
    count, latest = progress.warnings, progress.latest_warning
    if latest is None:
        return f"{pluralize(count, 'warning')} before the run was resumed; the audit log holds them" if count else ""
    return latest.message if not latest.logged else f"{pluralize(count, 'warning', 'warnings, last')}: {latest.message}"


def _draw_passes(progress: Progress) -> Block:
    decisions = progress.tally.decisions
    rows = []
    for pass_ in _PASSES:
        applied, taken_back = decisions[pass_, Action.APPLIED], decisions[pass_, Action.REJECTED]
        visited = applied + taken_back + decisions[pass_, Action.SKIPPED]
        rows.append((pass_.value, format_count(visited), paint(applied, "green"), paint(taken_back, "red")))
    return make_table(("pass", "decisions", "applied", "taken back"), rows)


def _draw_passes_with_model(progress: Progress, width: int) -> Block:
    """Also what the model left as it was, and how much of what it rewrote was accepted; what was visited is the sum of
    it and goes where there is no room."""
    decisions = progress.tally.decisions
    headers = ("pass", "decisions", "applied", "unchanged", "taken back", "accepted")
    rows: list[list[Text | str]] = []
    for pass_ in _PASSES:
        applied, taken_back, skipped = (
            decisions[pass_, action] for action in (Action.APPLIED, Action.REJECTED, Action.SKIPPED)
        )
        rewritten = applied + taken_back
        rows.append([
            pass_.value, shorten(rewritten + skipped), paint(applied, "green", shorten(applied)), shorten(skipped),
            paint(taken_back, "red", shorten(taken_back)), format_share(applied, rewritten) if rewritten else "–",
        ])  # fmt: skip
    if width < 59:
        return make_table([headers[0], *headers[2:]], [[row[0], *row[2:]] for row in rows], gap=1)
    return make_table(headers, rows, gap=2 if width >= 65 else 1)


def _draw_outcomes(progress: Progress, *, tight: bool = False) -> Block:
    tally = progress.tally
    done = tally.records + tally.rejected
    sums = sum_outcomes(tally.outcomes)
    write = shorten if tight else format_count
    rows = [(o.value, paint(n, OUTCOME_STYLES.get(o, ""), write(n)), format_share(n, done)) for o, n in sums.items()]
    rows.append(("rejected", paint(tally.rejected, "red", write(tally.rejected)), format_share(tally.rejected, done)))
    return make_table(("outcome", "records", ""), rows, gap=1 if tight else 2)


def _draw_languages(progress: Progress, width: int, room: int) -> Block:
    """Outcomes per language, in as many columns as the room asks for; what finds no room is counted."""
    names = sorted({language for language, _ in progress.tally.outcomes})
    down = room - 1
    if not names or down < 1:
        return Block(0, Text(""))
    columns = min(-(-len(names) // down), max(width // _LANGUAGE_CELLS, 1))
    if columns == 1:
        fitting = down if len(names) <= down else down - 1
        rows = [_make_language_row(progress, name, format_count) for name in names[:fitting]]
        if names[fitting:]:
            rows.append([f"{len(names) - fitting} more"])
        return make_table(("records in", *RUN_OUTCOMES), rows)
    found = names[: columns * down]
    down = -(-len(found) // columns)
    parts = [found[start : start + down] for start in range(0, len(found), down)]
    grids = [make_table([""] * 4, [_make_language_row(progress, name, shorten) for name in part]) for part in parts]
    body = put_beside(grids, widths=[_LANGUAGE_CELLS - 3] * len(grids))
    heading = Text.assemble(("records by language   unchanged, improved, reverted", "bold"))
    if names[len(found) :]:
        heading.append(f"   ({len(names) - len(found)} more)")
    return Block(body.lines + 1, Group(make_lines([heading]).body, body.body))


def _make_language_row(progress: Progress, name: str, write: Callable[[int], str]) -> Row:
    numbers = [(outcome, progress.tally.outcomes[name, outcome]) for outcome in RUN_OUTCOMES]
    return [fit(name, 5), *(paint(n, OUTCOME_STYLES.get(outcome, ""), write(n)) for outcome, n in numbers)]


def _draw_open_line(progress: Progress, width: int, most: int) -> Block:
    """Open findings as running text."""
    found = progress.tally.open
    label = f"open findings {format_count(found.total())}   "
    said = flow_counts(found, width, most, label) or [label]
    return make_lines(Text.assemble((line[: len(label)], "bold"), (line[len(label) :], "yellow")) for line in said)


def _draw_open_table(progress: Progress, room: int) -> Block:
    """Open findings one below the other."""
    kinds = rank_counts(progress.tally.open)
    fitting = room - 1 if len(kinds) <= room - 1 else room - 2
    rows = [(fit(kind, 30), paint(n, "yellow")) for kind, n in kinds[:fitting]]
    if len(kinds) > fitting:
        rows.append((f"{len(kinds) - fitting} more kinds", paint(sum(n for _, n in kinds[fitting:]), "yellow")))
    return make_table(("open findings", format_count(progress.tally.open.total())), rows)


def _draw_edits(progress: Progress, width: int, room: int, *, roomy: bool = False) -> Block:
    """The latest edits, newest first: a line each, with ``roomy`` a line about it and a line of it."""
    if room < 2:
        return Block(0, Text(""))
    newest = list(progress.edits)[::-1][: (room - 1) // (2 if roomy else 1)]
    none = "no edits yet" + (" since the run was resumed" if progress.behind else "")
    found = [Text("latest edits" if newest else none, "bold")]
    keys = _align([fit(edit.record, 20 if roomy else 12) for edit in newest])
    kinds = _align([fit(edit.kind, 23) for edit in newest])
    for edit, key, kind in zip(newest, keys, kinds, strict=True):
        about = f"{fit(edit.language, 3):<3} {key}  {kind}"
        if roomy:
            found.append(Text(f"{about}  {fit(edit.pass_)} · {fit(edit.field)}"))
            about = ""
        start = Text(f"{about or '  '}  ")
        found.append(start + render_edit(edit.left, edit.before, edit.after, edit.right, width - start.cell_len))
    return make_lines(found)


def _align(texts: Sequence[str]) -> list[str]:
    """All as wide as the widest."""
    widest = max(map(cell_len, texts), default=0)
    return [text + " " * (widest - cell_len(text)) for text in texts]
