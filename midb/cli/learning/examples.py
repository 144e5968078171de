"""`midb-agent examples`: what a booster can be trained on, made of revisions by the code of a run."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

from midb.dashboard.text import pluralize
from midb.text.languages import require_language
from midb.text.terminal import visible
from midb.training.examples.example import ExampleKind, TrainingExample
from midb.training.making import DEFAULT_MIX_TEXT, Made, MakingOptions, make_examples
from midb.training.writing import HELD_OUT, TRAIN, write_examples

#: Reasons for leaving something out that are printed; the manifest has all.
_SHOWN_REASONS = 8

Held = Annotated[
    list[Path] | None,
    typer.Option("--held-out", metavar="DATA", help="Revisions to measure on. Default: a share of the rows."),
]
Holdout = Annotated[
    float, typer.Option("--holdout", metavar="SHARE", min=0.01, max=0.9, help="Share of the rows held out.")
]
Languages = Annotated[
    str | None, typer.Option("--languages", metavar="xx,...", help="Languages to take. Default: all of ours.")
]
Passes = Annotated[
    str | None, typer.Option("--passes", metavar="PASS,...", help="Passes to make examples of. Default: all three.")
]
Selection = Annotated[
    str,
    typer.Option("--select", metavar="all|distance:S", help="The share S with the largest edit distance, or all."),
]
Mix = Annotated[
    str,
    typer.Option(
        "--mix",
        metavar="KIND:SHARE,...",
        help="Shares of revisions, of clean pairs to be left alone, and of defects to be taken out again.",
    ),
]
Most = Annotated[int, typer.Option("--most", metavar="N", min=0, help="Most examples to train on; 0: all.")]
PromptStyle = Annotated[
    str | None,
    typer.Option(
        "--prompts",
        metavar="full|short|FOLDER",
        help="The prompts of a run, short ones (a third of the tokens; run asks with them where the adapter says so), "
        "or a folder of yours. Default: full.",
    ),
]


def examples(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...", help="Revisions: MEB files or a folder of them, raw and revised pairs, audit logs."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the examples go.")],
    held_out: Held = None,
    holdout: Holdout = 0.1,
    languages: Languages = None,
    passes: Passes = None,
    selection: Selection = "all",
    mix: Mix = DEFAULT_MIX_TEXT,
    most: Most = 0,
    prompts: PromptStyle = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of the order, the mix and the defects.")] = 0,
) -> int:
    """Make training examples from revisions: chats of what a run would send, and the reply that is to be learnt.

    All translations of one English row fall on one side, train or held out. What no reply can say, or a run's checks
    would refuse, is left out and counted. Replies leave alone what stays, and end as a run expects it.

    Example: midb-agent examples c.boosted.jsonl.audit.db -o learn --mix revision:1
    """
    made = make_examples(
        MakingOptions(
            data=data, held_out=held_out or (), holdout=holdout, languages=parse_languages(languages), passes=passes,
            selection=selection, mix=mix, most=most, prompts=prompts, seed=seed,
        )
    )  # fmt: skip
    write_examples(output, made.train.examples, made.held_out.examples, made.settings)
    lines = [
        *describe_made(made),
        f"  output   {visible(str(output / TRAIN))}",
        f"           {visible(str(output / HELD_OUT))}",
    ]
    print("\n".join(lines), file=sys.stderr)
    return 0


def parse_languages(text: str | None) -> tuple[str, ...]:
    """The codes of a list with commas; none where there is no list. Raises UsageError."""
    return tuple(require_language(name.strip()) for name in text.split(",")) if text else ()


def describe_made(made: Made) -> list[str]:
    """What was read and made, in lines for people."""
    languages = Counter(revision.language for revision in made.revisions)
    origins = Counter(revision.origin.value for revision in made.revisions)
    unchanged = sum(revision.unchanged for revision in made.revisions)
    lengths = [len(example.completion) for example in made.train.examples]
    reasons = "; ".join(f"{number:,} {why}" for why, number in made.train.left_out.most_common(_SHOWN_REASONS))
    return [
        f"{pluralize(len(made.revisions), 'revision')} read: {_list(languages)}",
        f"  origin   {_list(origins)}; {unchanged:,} left the pair as it was; {made.doubled:,} stood there twice",
        f"  train    {_list_kinds(made.train.examples)}",
        f"  held out {_list_kinds(made.held_out.examples)}",
        f"  replies  {median(lengths):,.0f} characters (median), {max(lengths):,} the longest",
        *([f"  left out {reasons}"] if reasons else []),
    ]


def _list(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counted.most_common())


def _list_kinds(made: Sequence[TrainingExample]) -> str:
    kinds = Counter(example.kind for example in made)
    passes = Counter(example.pass_.value for example in made)
    parts = ", ".join(f"{kinds[kind]:,} {kind.value}" for kind in ExampleKind)
    return f"{pluralize(len(made), 'example')} ({parts}; {_list(passes)})"
