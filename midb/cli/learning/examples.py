"""`midb-agent examples`: what a booster can be trained on, made of revisions by the code of a run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from midb.cli import options
from midb.dashboard.text import pluralize
from midb.domain.decisions import REWRITING_PASSES, Pass
from midb.domain.errors import UsageError
from midb.domain.hashing import file_sha256
from midb.prompts import load_prompts
from midb.text.languages import require_language
from midb.text.terminal import visible
from midb.training.data.choosing import Sides, drop_duplicates, parse_selection, refuse_leaks, select, split
from midb.training.data.files import list_files, read_revisions
from midb.training.data.revision import Revision
from midb.training.examples.building import Built, ExampleBuilder, parse_mix
from midb.training.examples.damaging import put_in
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.writing import HELD_OUT, TRAIN, write_examples

#: Reasons for leaving something out that are printed; the manifest has all.
_SHOWN_REASONS = 8


def examples(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...", help="Revisions: MEB files or a folder of them, raw and revised pairs, audit logs."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the examples go.")],
    held_out: Annotated[
        list[Path] | None,
        typer.Option("--held-out", metavar="DATA", help="Revisions to measure on. Default: a share of the rows."),
    ] = None,
    holdout: Annotated[
        float, typer.Option("--holdout", metavar="SHARE", min=0.01, max=0.9, help="Share of the rows held out.")
    ] = 0.1,
    languages: Annotated[
        str | None, typer.Option("--languages", metavar="xx,...", help="Languages to take. Default: all of ours.")
    ] = None,
    passes: Annotated[
        str | None, typer.Option("--passes", metavar="PASS,...", help="Passes to make examples of. Default: all three.")
    ] = None,
    selection: Annotated[
        str,
        typer.Option("--select", metavar="all|distance:S", help="The share S with the largest edit distance, or all."),
    ] = "all",
    mix: Annotated[
        str,
        typer.Option(
            "--mix",
            metavar="KIND:SHARE,...",
            help="Shares of revisions, of clean pairs to be left alone, and of defects to be taken out again.",
        ),
    ] = "revision:0.4,unchanged:0.3,defect:0.3",
    most: Annotated[int, typer.Option("--most", metavar="N", min=0, help="Most examples to train on; 0: all.")] = 0,
    prompts: options.Prompts = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the order, the mix and the defects.")] = 0,
) -> int:
    """Make training examples from revisions: chats of what a run would send, and the reply that is to be learnt.

    All translations of one English row fall on one side, train or held out. What no reply can say, or a run's checks
    would refuse, is left out and counted. Replies leave alone what stays, and end as a run expects it.

    Example: midb-agent examples c.boosted.jsonl.audit.db -o learn --mix revision:1
    """
    names = tuple(require_language(name.strip()) for name in languages.split(",")) if languages else ()
    chosen = _parse_passes(passes)
    shares, share = parse_mix(mix), parse_selection(selection)
    reading = read_revisions(data, names)
    revisions, doubled = drop_duplicates(reading.revisions)
    sides = _split(revisions, held_out, names, holdout)
    selected = select(sides.train, share)
    loaded = load_prompts(prompts)
    builder = ExampleBuilder(loaded, put_in=put_in, passes=chosen, seed=seed)
    built = builder.build(selected, shares, most)
    held = builder.build(sides.held_out, shares, round(most * holdout) if most else 0)
    if not built.examples:
        raise UsageError(
            "no example could be made of these revisions.", hint=_list_reasons(built.left_out) or "Look at --mix."
        )
    settings = {
        "select": selection, "mix": {kind.value: value for kind, value in shares.items()}, "seed": seed,
        "holdout": None if held_out else holdout, "passes": [pass_.value for pass_ in chosen], "most": most,
        "languages": list(names), "prompts": loaded.fingerprint(),
        "data": [
            {"name": path.name, "sha256": file_sha256(path)} for path in list_files([*data, *(held_out or [])])
        ],
        "left_out": {"read": dict(reading.left_out), "train": dict(built.left_out), "held_out": dict(held.left_out)},
        "duplicates": doubled,
    }  # fmt: skip
    write_examples(output, built.examples, held.examples, settings)
    print("\n".join(_describe(reading.revisions, doubled, built, held, output)), file=sys.stderr)
    return 0


def _parse_passes(text: str | None) -> tuple[Pass, ...]:
    if text is None:
        return tuple(REWRITING_PASSES)
    known = {pass_.value: pass_ for pass_ in REWRITING_PASSES}
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in known] or ([text] if not names else []):
        raise UsageError(
            f'there is no pass "{unknown[0]}" to make examples of.', hint=f"Known are: {', '.join(known)}."
        )
    return tuple(known[name] for name in dict.fromkeys(names))


def _split(
    revisions: Sequence[Revision], held_out: Sequence[Path] | None, languages: Sequence[str], share: float
) -> Sides:
    if not held_out:
        return split(revisions, share)
    held = read_revisions(held_out, languages).revisions
    refuse_leaks(revisions, held)
    return Sides(list(revisions), held)


def _describe(revisions: Sequence[Revision], doubled: int, built: Built, held: Built, output: Path) -> list[str]:
    languages = Counter(revision.language for revision in revisions)
    origins = Counter(revision.origin.value for revision in revisions)
    unchanged = sum(revision.unchanged for revision in revisions)
    lengths = [len(example.completion) for example in built.examples]
    reasons = _list_reasons(built.left_out)
    return [
        f"{pluralize(len(revisions), 'revision')} read: {_list(languages)}",
        f"  origin   {_list(origins)}; {unchanged:,} left the pair as it was; {doubled:,} stood there twice",
        f"  train    {_list_kinds(built.examples)}",
        f"  held out {_list_kinds(held.examples)}",
        f"  replies  {median(lengths):,.0f} characters (median), {max(lengths):,} the longest",
        *([f"  left out {reasons}"] if reasons else []),
        f"  output   {visible(str(output / TRAIN))}",
        f"           {visible(str(output / HELD_OUT))}",
    ]


def _list(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counted.most_common())


def _list_kinds(made: Sequence[TrainingExample]) -> str:
    kinds = Counter(example.kind for example in made)
    passes = Counter(example.pass_.value for example in made)
    parts = ", ".join(f"{kinds[kind]:,} {kind.value}" for kind in ExampleKind)
    return f"{pluralize(len(made), 'example')} ({parts}; {_list(passes)})"


def _list_reasons(left_out: Counter[str]) -> str:
    return "; ".join(f"{number:,} {reason}" for reason, number in left_out.most_common(_SHOWN_REASONS))
