"""`midb-agent measure`: what a booster learned, on examples that it has not seen, next to the model as it is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from midb.cli import options
from midb.cli.evaluating.output import check_output
from midb.dashboard.text import pluralize
from midb.domain.errors import UsageError
from midb.runs.config import RunConfig, load_config
from midb.text.terminal import visible

if TYPE_CHECKING:
    from midb.domain.intervals import Interval
    from midb.training.measuring.losses import LossMeter
    from midb.training.measuring.measurement import Measurement
    from midb.training.measuring.metrics import GroupFigures

#: Columns of a table in a file.
_WIDTH = 180

#: Figures in the table by language and pass, with what their column is called.
_SHORT = {
    "loss": "loss", "well_formed": "form", "stops": "stops", "language_kept": "language", "left_alone": "left alone",
    "false_edits": "false edits", "repaired": "repaired", "accepted": "accepted", "chrf": "chrF",
    "distance": "edits", "copies": "copies", "tokens_per_step": "tokens/step",
}  # fmt: skip


def measure(
    examples: Annotated[
        Path,
        typer.Argument(metavar="EXAMPLES", help="Held-out examples: a folder of `midb-agent examples`, or a file."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Where all figures go, as JSON.")
    ] = Path("metrics.json"),
    model: options.Model = None,
    adapter: options.Adapter = None,
    languages: Annotated[
        str | None, typer.Option("--languages", metavar="xx,...", help="Only examples in these languages.")
    ] = None,
    passes: options.Passes = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="About so many examples, by whole rows; 0: all.")
    ] = 0,
    loss: Annotated[
        bool,
        typer.Option("--loss/--no-loss", help="Also the loss of the right replies: it loads the model once more."),
    ] = True,
    resamples: Annotated[
        int, typer.Option("--resamples", metavar="N", min=100, max=100_000, help="Draws of rows for the intervals.")
    ] = 1000,
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", help="Of the draws, and of which rows --limit takes.")
    ] = 0,
    concurrency: Annotated[
        int | None, typer.Option("--concurrency", metavar="N", help=options.help_of("concurrency"))
    ] = None,
    device: Annotated[str | None, typer.Option("--device", metavar="DEVICE", help=options.help_of("device"))] = None,
    devices: Annotated[
        str | None, typer.Option("--devices", metavar="all|0,1", help=options.help_of("devices"))
    ] = None,
    dtype: Annotated[str | None, typer.Option("--dtype", metavar="DTYPE", help=options.help_of("dtype"))] = None,
    timeout: Annotated[float | None, typer.Option("--timeout", metavar="S", help=options.help_of("timeout"))] = None,
    key_variable: Annotated[
        str | None, typer.Option("--key-variable", metavar="NAME", help=options.help_of("key_variable"))
    ] = None,
) -> int:
    """Measure what a booster learned: its replies on held-out examples, next to the model as it is.

    By language and pass: form, language, clean pairs that were changed, defects that were repaired, how close replies
    come to the revision, next to doing nothing and to rules alone, with intervals over rows. Replies are kept beside
    the output, so that the same command goes on where it was stopped. Example:

    midb-agent measure learn --model models/small --adapter booster
    """
    from midb.cli.learning.examples import parse_languages
    from midb.composition import open_engine
    from midb.training.measuring.measurement import collect_replies
    from midb.training.measuring.measurement import measure as conclude
    from midb.training.measuring.reading import choose, read_held_out

    settings = load_config(
        None,
        options.given(
            corpus=examples, model=model, adapter=adapter, passes=passes, concurrency=concurrency, device=device,
            devices=devices, dtype=dtype, timeout=timeout,
        ) | options.given(**{"key-variable": key_variable}),
    )  # fmt: skip
    if settings.model is None:
        raise UsageError("no model is named, and replies are to be measured.", hint="Add --model MODEL.")
    check_output(output, "groups")
    held_out = read_held_out(examples)
    codes = parse_languages(languages)
    wanted = [
        example
        for example in held_out.examples
        if example.pass_ in settings.selected_passes and (not codes or example.language in codes)
    ]
    if not wanted:
        raise UsageError(
            f"{held_out.path} has no example of these languages and passes.", hint="Leave out --languages or --passes."
        )
    tell, kept = Steps(), output.with_name(f"{output.name}.replies.jsonl")
    with open_engine(settings, _warn) as engine:
        assert engine is not None
        print(f"starting {visible(engine.text.described)}", file=sys.stderr)
        engine.loop.run(engine.text.start())
        collected = collect_replies(engine, held_out, choose(wanted, limit, seed), kept, tell)
    # The engine is closed by now: its memory is free for the model that losses are measured with.
    meter = _make_loss_meter(settings) if loss else "it was not asked for"
    measured = conclude(
        collected,
        losses=None if isinstance(meter, str) else meter,
        no_losses=meter if isinstance(meter, str) else "",
        seed=seed,
        resamples=resamples,
        tell=tell,
    )
    _write(output, measured)
    # Where there is no terminal, a table may be wide: nobody's window is filled.
    show(Console(width=None if sys.stdout.isatty() else _WIDTH), measured)
    print(f"figures   {visible(str(output))}", file=sys.stderr)
    print(f"replies   {visible(str(kept))}", file=sys.stderr)
    return 0


def _make_loss_meter(settings: RunConfig) -> LossMeter | str:
    """What measures the loss of the model and its adapters; or the reason why nothing does."""
    from midb.agent.engines import checkpoint
    from midb.composition import is_served, open_tokenizer
    from midb.training.measuring.losses import LossMeter

    model = settings.model or ""
    if is_served(model):
        return "a server does not tell how likely a given reply is"
    if settings.adapter and importlib.util.find_spec("peft") is None:
        return "peft is not installed (pip install '.[train]')"
    base = checkpoint.find(model, checkpoint.MODEL_FILES)
    device = "auto" if settings.devices else settings.device
    return LossMeter(base.folder, base.name, open_tokenizer(base), device)


def _warn(message: str) -> None:
    print(f"warning: {visible(message)}", file=sys.stderr)


def _write(output: Path, measured: Measurement) -> None:
    from midb.corpus.output import move_into_place, writing

    partial = output.with_name(f".{output.name}.partial")
    with writing(output):
        partial.write_bytes(orjson.dumps(measured.as_json(), option=orjson.OPT_INDENT_2) + b"\n")
    move_into_place(partial, output)


class Steps:
    """Says on stderr how far a measurement is, at each tenth."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int]] = set()

    def __call__(self, what: str, done: int, of: int) -> None:
        tenth = 10 * done // max(of, 1)
        if (what, tenth) not in self._told:
            self._told.add((what, tenth))
            print(f"{what}: {done:,} of {of:,}", file=sys.stderr)


def show(console: Console, measured: Measurement) -> None:
    """The figures as tables, and what they say."""
    overall, *others = measured.groups
    console.print(_draw_overall(overall))
    if others:
        console.print()
        console.print(_draw_groups(measured.groups))
    if measured.defects:
        console.print()
        console.print(_draw_defects(measured))
    console.print()
    for side, codes in measured.failed.items():
        listed = ", ".join(f"{code} {count:,}" for code, count in codes.items())
        console.print(Text(visible(f"without a reply ({side}): {listed}")), soft_wrap=True)
    for note in measured.notes:
        console.print(Text(visible(note)), soft_wrap=True)
    for sentence in measured.conclusions:
        console.print(Text(visible(sentence), style="bold"), soft_wrap=True)


def _draw_overall(overall: GroupFigures) -> Table:
    from midb.training.measuring.metrics import METRICS

    kinds = ", ".join(f"{count:,} {kind}" for kind, count in overall.kinds.items())
    title = f"{pluralize(overall.examples, 'example')} of {pluralize(overall.rows, 'row')}: {kinds}"
    table = Table(box=None, pad_edge=False, title=Text(f"{title}; in brackets 95 % intervals"), title_justify="left")
    sides = [side for side in ("before", "after") if any(side in found for found in overall.figures.values())]
    compared = [
        ("nothing", "doing nothing"), ("rules", "rules only"), ("revision", "revision"),
    ]  # fmt: skip
    difference = [("difference", "difference")] if len(sides) > 1 else []
    columns = [*((side, side) for side in sides), *difference, *compared]
    for name in ("", *(label for _, label in columns), "n"):
        table.add_column(name, justify="right" if name else "left")
    for metric in METRICS:
        found = overall.figures.get(metric.name)
        if not found:
            continue
        last = found.get("after") or found["before"]
        cells = [
            _cell(found.get(name), signed=name == "difference", plain=name in ("nothing", "rules", "revision"))
            for name, _ in columns
        ]
        unit = ", %" if metric.scale == 100 else ""
        table.add_row(*map(Text, (f"{metric.label}{unit}", *cells, f"{last.items:,}")))
    return table


def _cell(interval: Interval | None, *, signed: bool = False, plain: bool = False) -> str:
    """A figure with its bounds."""
    if interval is None:
        return ""
    sign = "+" if signed else ""
    largest = max(abs(bound) for bound in (interval.value, interval.low, interval.high) if bound is not None)
    digits = 2 if largest < 10 else 1
    value = f"{interval.value:{sign}.{digits}f}"
    if plain or interval.low is None or interval.high is None:
        return value
    return f"{value} [{interval.low:{sign}.{digits}f} {interval.high:{sign}.{digits}f}]"


def _draw_groups(groups: Any) -> Table:
    """By language and pass: before → after, and in brackets what doing nothing gives."""
    names = [name for name in _SHORT if any(name in group.figures for group in groups)]
    table = Table(box=None, pad_edge=False, title="before → after (doing nothing)", title_justify="left")
    for title in ("language", "pass", "n", *(_SHORT[name] for name in names)):
        table.add_column(title, justify="left" if title in ("language", "pass") else "right")
    for group in groups:
        cells = [_short_cell(group.figures.get(name, {})) for name in names]
        table.add_row(group.language or "all", group.pass_ or "all", f"{group.examples:,}", *cells)
    return table


def _short_cell(found: dict[str, Interval]) -> str:
    digits = 2 if all(abs(interval.value) < 10 for interval in found.values()) else 0
    sides = [f"{found[side].value:.{digits}f}" if side in found else "–" for side in ("before", "after")]
    if "after" not in found:
        sides = sides[:1] if "before" in found else []
    nothing = f" ({found['nothing'].value:.{digits}f})" if "nothing" in found else ""
    return " → ".join(sides) + nothing


def _draw_defects(measured: Measurement) -> Table:
    table = Table(box=None, pad_edge=False, title="defects exactly repaired", title_justify="left")
    for title in ("kind", "pass", "examples", "before", "after"):
        table.add_column(title, justify="left" if title in ("kind", "pass") else "right")
    for row in measured.defects:
        table.add_row(*(str(row.get(name, "")) for name in ("kind", "pass", "examples", "before", "after")))
    return table
