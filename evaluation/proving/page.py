"""A proof on one page, as HTML that asks nothing of the network and as Markdown, from its figures alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from midb.evaluation.proving.assembling import name_references
from midb.report.evaluated import hide_address, show_interval
from midb.report.page import hash_source, make_environment, read_part
from midb.text.terminal import visible

#: Half the width of the plot of effects, in units of its own; ``_ROW``: the height of one line.
_HALF = 260
_ROW = 34


@dataclass(frozen=True, slots=True)
class ProofTable:
    """A table; its first ``words`` columns say what a row is of, the others hold figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 3


def list_tables(figures: Mapping[str, Any]) -> list[ProofTable]:
    """All tables, in the order in which they are read."""
    tables = []
    if figures["judge"] is not None:
        tables.append(_tabulate_judged(figures))
    tables += [
        _tabulate_losses(figures),
        _tabulate_answers(figures),
        _tabulate_students(figures),
        _tabulate_cost(figures),
    ]
    return tables


def _name(comparison: Mapping[str, Any]) -> str:
    return f"{comparison['candidate']} against {comparison['baseline']}"


def _tabulate_judged(figures: Mapping[str, Any]) -> ProofTable:
    columns = (
        "", "turn", "language", "answers", "the same", "judged", "rows", "win", "tie", "loss", "net win, points",
        "flips, %", "at equal length, %", "no verdict",
    )  # fmt: skip
    rows = []
    for comparison in figures["comparisons"]:
        for turn in (comparison["judged"] or {"turns": []})["turns"]:
            for group in turn["groups"]:
                control = group["length_controlled"]
                rows.append(
                    [
                        _name(comparison), str(turn["turn"]), group["language"] or "all",
                        *(f"{group[name]:,}" for name in ("pairs", "same", "judged", "rows", "win", "tie", "loss")),
                        show_interval(group["net_win"], scale=100, signed=True) or "–",
                        show_interval(group["flip_rate"], scale=100) or "–",
                        show_interval(control and control["win_rate"], scale=100) or "–",
                        f"{sum(group['no_verdict'].values()):,}",
                    ]
                )  # fmt: skip
    return ProofTable("Answers before a judge, who saw both in both orders", columns, rows)


def _tabulate_losses(figures: Mapping[str, Any]) -> ProofTable:
    columns = ("", "reference", "language", "texts", "rows", "candidate", "baseline", "difference", "each seed")
    rows = []
    for comparison in figures["comparisons"]:
        for which, found in comparison["loss"].items():
            for group in found["groups"]:
                if group["n"]:
                    rows.append([_name(comparison), name_references(which), *_show_group(group, found, 4)])
    return ProofTable("Loss on held-out texts, nats a token: less is less surprised", columns, rows)


def _tabulate_answers(figures: Mapping[str, Any]) -> ProofTable:
    columns = ("", "figure", "language", "answers", "rows", "candidate", "baseline", "difference", "each seed")
    names = {"findings": ("findings in 1,000 answers", 1, 1.0), "own_language": ("in their language, %", 1, 100.0)}
    rows = []
    for comparison in figures["comparisons"]:
        for name, (title, digits, scale) in names.items():
            found = comparison["answers"][name]
            for group in found["groups"]:
                if group["n"]:
                    rows.append([_name(comparison), title, *_show_group(group, found, digits, scale)])
    return ProofTable("Answers before the detectors", columns, rows)


def _show_group(group: Mapping[str, Any], found: Mapping[str, Any], digits: int, scale: float = 1.0) -> list[str]:
    seeds = ", ".join("–" if value is None else f"{scale * value:+.{digits}f}" for value in found["by_seed"])
    whole = group is found["groups"][-1]
    return [
        group["language"] or "all", f"{group['n']:,}", f"{group['rows']:,}",
        *(f"{scale * group[side]['value']:.{digits}f}" for side in ("candidate", "baseline")),
        show_interval(group["difference"], digits, scale=scale, signed=True), seeds if whole else "",
    ]  # fmt: skip


def _tabulate_students(figures: Mapping[str, Any]) -> ProofTable:
    columns = (
        "student", "seed", "steps", "tokens learnt from", "seconds", "device", "loss on clean texts",
        "answers", "ended by themselves", "without an answer", "characters", "adapter, SHA-256",
    )  # fmt: skip
    base = figures["base_losses"]["same"]
    rows = [["base", "", "", "", "", "", f"{base['loss']:.4f}" if base else "–", "", "", "", "", ""]]
    for one in figures["students"]:
        loss, said = one["losses"]["same"], one["answers"]
        rows.append(
            [
                one["side"], str(one["seed"]), f"{one['steps']:,}", f"{one['tokens']:,}", f"{one['seconds']:,.0f}",
                one["device"], f"{loss['loss']:.4f}" if loss else "–", f"{said['answers']:,}", f"{said['whole']:,}",
                f"{said['none']:,}", "–" if said["characters"] is None else f"{said['characters']:,.0f}",
                one["sha256"][:12],
            ]
        )  # fmt: skip
    return ProofTable("Students", columns, rows, words=1)


def _tabulate_cost(figures: Mapping[str, Any]) -> ProofTable:
    columns = ("", "calls", "tokens in", "tokens out", "seconds of all calls together")
    rows = [
        [_shorten(one["engine"]), f"{one['calls']:,}", f"{one['prompt_tokens']:,}", f"{one['completion_tokens']:,}",
         f"{one['seconds']:,.0f}"]
        for one in figures["cost"]["models"]
    ]  # fmt: skip
    trained = figures["cost"]["training"]
    rows.append(
        [f"training, {trained['students']} students", "", f"{trained['tokens']:,}", "", f"{trained['seconds']:,.0f}"]
    )
    return ProofTable("What it took, all tries in this folder together", columns, rows, words=1)


def _shorten(engine: str) -> str:
    """A fingerprint with its hashes cut: students are told apart by their names, and the log has all of it."""
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]+", r"\1", hide_address(engine))


def describe_setup(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was compared, as pairs of a name and what there is to say of it."""
    examples, base, control, judge = figures["examples"], figures["base"], figures["control"], figures["judge"]
    languages = ", ".join(f"{code} {count:,}" for code, count in examples["languages"].items())
    corpora = [("raw", figures["corpus"]), ("boosted", figures["boosted"])] + (
        [("control", control)] if control else []
    )
    told = [
        (f"Corpus, {name}", f"{found['name']}, SHA-256 {found['sha256']}" + _tell_changes(name, found, examples))
        for name, found in corpora
        if found
    ]
    if not control:
        told.append(("Corpus, control", "none was asked for"))
    told += [
        ("Base", f"{base['name']}, {base['parameters']:,} parameters, SHA-256 {base['sha256']}"),
        (
            "Learnt",
            f"{examples['train']:,} pairs of {examples['train_rows']:,} rows, the same for each student and in the "
            f"same steps; {examples['train_differing']:,} of them differ between raw and boosted ({languages})",
        ),
        ("Held out", f"{examples['held_out']:,} pairs of {examples['held_out_rows']:,} rows, learnt by nobody"),
        ("Asked", _tell_questions(figures["questions"])),
        ("Judge", "none" if judge is None else f"{hide_address(judge['described'])} ({hide_address(judge['engine'])})"),
        ("Seeds", ", ".join(map(str, figures["seeds"])) + f"; of sample and draws: {figures['seed']}"),
        ("Recipe", ", ".join(f"{name} {value}" for name, value in figures["recipe"].items())),
        ("Versions", ", ".join(f"{name} {value}" for name, value in figures["versions"].items())),
    ]
    if examples["left_out"]:
        told.append(("Left out", "; ".join(f"{count:,} {why}" for why, count in examples["left_out"].items())))
    return [(name, visible(text)) for name, text in told]


def _tell_changes(name: str, found: Mapping[str, Any], examples: Mapping[str, Any]) -> str:
    if name == "raw":
        return f"; {examples['pairs']:,} pairs"
    made = {"here": ", made here by a run", "given": ", as it was given", "random": ", made here"}[found["made"]]
    return f"{made}; {found['pairs_changed']:,} pairs changed by {found['edits']:,} edits"


def _tell_questions(questions: Mapping[str, Any]) -> str:
    asked, most = f"{questions['asked']:,} questions, {questions['from']}", questions["most_tokens"]
    return f"{asked}; at most {most:,} tokens an answer; answered by {questions['answered_on']}"


@dataclass(frozen=True, slots=True)
class PlottedEffect:
    """A line of the plot: where the value and the ends of its interval stand (None: it has none)."""

    label: str
    shown: str
    y: int
    value: float
    low: float | None
    high: float | None


def plot_effects(effects: Mapping[str, Mapping[str, Any] | None]) -> list[PlottedEffect]:
    """The effects on one scale, with nought in the middle."""
    there = {name: effect for name, effect in effects.items() if effect is not None}
    ends = [
        abs(effect[end]) for effect in there.values() for end in ("value", "low", "high") if effect[end] is not None
    ]
    reach = max(ends, default=0.0) or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else round(_HALF + _HALF * 0.95 * value / reach, 1)

    return [
        PlottedEffect(
            label=name.replace("_", " against "), shown=_show_effect(effect), y=_ROW // 2 + _ROW * number,
            value=place(effect["value"]) or 0.0, low=place(effect["low"]), high=place(effect["high"]),
        )
        for number, (name, effect) in enumerate(there.items())
    ]  # fmt: skip


def _show_effect(effect: Mapping[str, Any]) -> str:
    digits = 1 if effect["unit"] == "points" else 4
    return f"{show_interval(effect, digits, signed=True)} {effect['unit']}, n = {effect['rows']:,} rows"


def write_page(figures: Mapping[str, Any], verify: str) -> str:
    """The page as HTML.

    :param verify: the command that proves the log.
    """
    style = read_part("page.css")
    template = (files("midb.evaluation.proving") / "page.html").read_text(encoding="utf-8")
    plotted = plot_effects(figures["conclusion"]["effects"])
    main = figures["conclusion"]["effects"]["boosted_raw"]
    return make_environment().from_string(template).render(
        f=figures, c=figures["conclusion"], setup=describe_setup(figures), tables=list_tables(figures), style=style,
        style_hash=hash_source(style), plotted=plotted, half=_HALF, height=_ROW * max(len(plotted), 1), verify=verify,
        measure=f"{main['what']}, {main['unit']}; right of the line is better" if main else "",
    )  # fmt: skip


def write_markdown(figures: Mapping[str, Any], verify: str) -> str:
    """The page as Markdown."""
    return "\n".join(_list_lines(figures, verify)) + "\n"


def _list_lines(figures: Mapping[str, Any], verify: str) -> Iterator[str]:
    conclusion = figures["conclusion"]
    yield from ("# Is a model better by the boosted corpus?", "", f"**{conclusion['sentence']}**", "")
    yield from (f"Measured by midb-agent {figures['midb_agent']}, finished at {figures['at']}.", "")
    if conclusion["reasons"]:
        yield from ("Why nothing more is said:", "", *(f"- {_escape(reason)}" for reason in conclusion["reasons"]), "")
    yield from ("What was seen:", "", *(f"- {_escape(one)}" for one in conclusion["seen"]), "")
    yield from (
        "## What was compared",
        "",
        *(f"- {name}: {_escape(text)}" for name, text in describe_setup(figures)),
        "",
    )
    for table in list_tables(figures):
        yield from (f"## {table.title}", "", _write_row(table.columns), "|---" * len(table.columns) + "|")
        yield from (*(_write_row(row) for row in table.rows), "")
    yield from ("## What these figures cannot say", "", *(f"- {_escape(note)}" for note in figures["notes"]), "")
    yield from ("Everything is in an audit log, and is proved by:", "", f"    {visible(verify)}")


def _write_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape(text: str) -> str:
    """Text that means nothing to Markdown, on one line.

    >>> _escape("a|b *c*")
    'a\\\\|b \\\\*c\\\\*'
    """
    return "".join(f"\\{sign}" if sign in "\\|*_`<>[]" else sign for sign in visible(text))
